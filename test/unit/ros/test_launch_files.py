"""The launch-file subset: what it means, and that every error names file and line."""

import dataclasses
import importlib
import itertools
import os
import re
import sys
from pathlib import Path

import pytest
import yaml

from visuomotor.errors import ConfigError, VisuomotorError
from visuomotor.ros.discovery import local_environment
from visuomotor.ros.launch import read_launch_file, share_folder
from visuomotor.ros.launch.supervisor import (
    find_launch_file,
    parse_arguments,
)

SIM = '<node pkg="visuomotor" exec="sim"'
OURS = sorted((share_folder() / "launch").glob("*.launch.xml"))
NEEDED = {
    "policy": {"policy": "p"},
    "demo": {"policy": "p"},
    "generate": {"policy": "p"},
    "train": {"dataset": "d", "out": "o"},
    "teleop": {"device": "phone"},
    "cameras_realsense": {"front_serial": "_1", "side_serial": "_2", "wrist_serial": "_3"},
    "robot_crisp": {"bringup": "false"},
    "gazebo": {"world": "false"},
    "skill": {"checkpoint": "p"},
    "cell": {"policy": "p"},
}


def nodes(folder: Path, body: str, arguments: dict[str, str] | None = None, **environment: str):
    file = folder / "x.launch.xml"
    file.write_text(f"<launch>\n{body}\n</launch>\n")
    return read_launch_file(file, arguments or {}, {"PATH": os.environ["PATH"], **environment})


def ros_arguments(folder: Path, body: str, *args: dict[str, str], **environment: str) -> list[str]:
    (node,) = nodes(folder, body, *args, **environment)
    command = node.command
    return command[command.index("--ros-args") + 1 :] if "--ros-args" in command else []


def test_a_node_of_ours_runs_in_this_interpreter(tmp_path: Path) -> None:
    (node,) = nodes(tmp_path, f'{SIM} name="world" args="a \'b c\'" on_exit="shutdown"/>')
    assert node.command[0] == sys.executable
    assert node.command[-2:] != ["a", "b c"]
    assert node.command[-5:-3] == ["a", "b c"]
    assert node.command[-3:] == ["--ros-args", "-r", "__node:=world"]
    assert (node.name, node.required, node.respawn) == ("world", True, False)
    assert node.where.endswith("x.launch.xml:2")


def test_another_packages_node_comes_from_the_sourced_prefix(tmp_path: Path) -> None:
    program = tmp_path / "ws" / "lib" / "camera" / "driver"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    body = '<node pkg="camera" exec="driver"/>'
    (node,) = nodes(tmp_path, body, AMENT_PREFIX_PATH=str(tmp_path / "ws"))
    assert node.command == [str(program)]
    with pytest.raises(VisuomotorError, match=r":2: <node>: no executable 'driver'.*source"):
        nodes(tmp_path, body)


def test_parameters_are_typed_as_yaml(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("{}")
    body = f"""{SIM}>
      <param name="seed" value="3"/> <param name="name" value="3" type="str"/>
      <param name="rate" value="1e-3" type="float"/> <param name="on" value="true"/>
      <param name="cameras" value="['front', side]"/> <param name="mixed" value="[1, 2.5]"/>
      <param name="a"><param name="b" value=""/></param>
      <param from="{file}"/>
    </node>"""
    got = ros_arguments(tmp_path, body)
    assert [w for w in got if w != "-p"] == [
        "seed:=3",
        'name:="3"',
        "rate:=0.001",
        "on:=true",
        'cameras:=["front", "side"]',
        "mixed:=[1.0, 2.5]",
        'a.b:=""',
        "--params-file",
        str(file),
    ]


def test_remaps_namespaces_and_conditions(tmp_path: Path) -> None:
    body = f"""
      <arg name="real" default="false"/>
      <group>
        <push_ros_namespace namespace="lab"/> <set_remap from="x" to="y"/>
        {SIM} namespace="left" if="$(var real)"/>
        {SIM} namespace="right" unless="$(var real)">
          <remap from="current_pose" to="broadcaster/current_pose"/>
        </node>
      </group>"""
    got = ros_arguments(tmp_path, body)
    assert got == [
        "-r", "__ns:=/lab/right", "-r", "x:=y", "-r", "current_pose:=broadcaster/current_pose",
    ]  # fmt: skip
    assert ros_arguments(tmp_path, body, {"real": "1"})[1] == "__ns:=/lab/left"


def test_groups_keep_their_variables_and_environment(tmp_path: Path) -> None:
    body = f"""
      <let name="v" value="outer"/> <set_env name="E" value="outer"/>
      <group>
        <let name="v" value="inner"/> <set_env name="E" value="inner"/> {SIM} name="$(var v)"/>
      </group>
      {SIM} name="$(var v)"/>
      <group scoped="false"> <let name="v" value="leaks"/> <unset_env name="E"/> </group>
      {SIM} name="$(var v)"><env name="F" value="own"/></node>"""
    got = nodes(tmp_path, body)
    assert [n.name for n in got] == ["inner", "outer", "leaks"]
    assert [n.environment.get("E") for n in got] == ["inner", "outer", None]
    assert [n.environment.get("F") for n in got] == [None, None, "own"]


def test_substitutions_nest_and_have_defaults(tmp_path: Path) -> None:
    body = f"""
      <let name="who" value="$(env ROBOT 'left arm')"/>
      <let name="speed_left" value="fast"/>
      {SIM} name="$(var who)" namespace="$(var speed_$(env SIDE left) slow)"
        args="\\$(x) $(dirname)"/>
    """
    (node,) = nodes(tmp_path, body)
    assert node.name == "left arm"
    assert "__ns:=/fast" in node.command
    assert str(tmp_path) in node.command
    (node,) = nodes(tmp_path, body, ROBOT="right", SIDE="up")
    assert node.name == "right"
    assert "__ns:=/slow" in node.command


def test_includes_take_arguments(tmp_path: Path) -> None:
    (tmp_path / "inner.launch.xml").write_text(
        f"""<launch><arg name="n"/><arg name="m" default="$(var n)2"/>
        {SIM} name="$(var m)"/></launch>"""
    )
    body = '<include file="$(dirname)/inner.launch.xml"><arg name="n" value="a"/></include>'
    assert [n.name for n in nodes(tmp_path, body)] == ["a2"]
    assert [n.name for n in nodes(tmp_path, body, {"m": "b"})] == ["b"]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('<nod pkg="a"/>', r"x.launch.xml:2: <nod>: unknown element.*did you mean 'node'"),
        ("<node/>", r"x.launch.xml:2: <node>: lacks the attribute 'pkg'"),
        (f'\n{SIM} on_exti="x"/>', r"xml:3: <node>: unknown attribute 'on_exti'; did you mean"),
        (f'{SIM} on_exit="restart"/>', r":2: <node>: on_exit: got 'restart'"),
        ('<node pkg="visuomotor" exec="simm"/>', r":2: <node>: unknown executable.*'sim'"),
        ('<node pkg="nobody" exec="x"/>', r":2: <node>: no executable 'x' of package 'nobody'"),
        ('<arg name="a"/>', r":2: <arg>: the argument 'a' has no default; add a:=VALUE"),
        (f'{SIM} if="perhaps"/>', r":2: <node>: if: got 'perhaps', expected true, false"),
        (f'{SIM} if="1" unless="0"/>', r":2: <node>: got both"),
        (f'{SIM} name="$(var nme)"/>', r":2: <node>: \$\(var\): unknown variable 'nme'"),
        (f'{SIM} name="$(eval 1+1)"/>', r":2: <node>: \$\(eval.*unknown substitution 'eval'"),
        (f'{SIM} name="$(env NOT_SET_AT_ALL)"/>', r":2: <node>: \$\(env NOT_SET.*not set"),
        (f'{SIM} name="$(var a"/>', r":2: <node>: .*not closed"),
        (f'{SIM} name="$(find-pkg-share nopkg)"/>', r":2: <node>: package 'nopkg' is not in"),
        (f'{SIM}><param from="/no.yaml"/></node>', r":2: <param>: no such parameter file"),
        (f'{SIM}><param name="c" value="[]"/></node>', r":2: <param>: .*empty lists.*\[''\]"),
        (f'{SIM}><param name="c" value="[1, a]"/></node>', r":2: <param>: .*list of one type"),
        (f'{SIM}><param name="c" value="x" type="int"/></node>', r"got 'x', expected int"),
        (f"{SIM}>\n<remp/></node>", r":3: <remp>: unknown element in <node>.*'remap'"),
        ('<include file="/no.launch.xml"/>', r":2: <include>: no such file"),
        ('<include file="$(dirname)/x.launch.xml"/>', r":2: <include>: .*includes itself"),
        ("<group><timer/></group>", r":2: <timer>: unknown element"),
        ("words", r":1: <launch>: got the text 'words'"),
        ("<group>", r"xml:3: not XML: mismatched tag"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, body: str, text: str) -> None:
    with pytest.raises(VisuomotorError, match=text):
        nodes(tmp_path, body)


def test_unknown_arguments_name_the_near_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown argument 'tsk'; did you mean 'task'"):
        nodes(tmp_path, f'<arg name="task" default="lift"/>{SIM}/>', {"tsk": "lift"})
    with pytest.raises(ConfigError, match=r":2: <arg>: unknown value of task 'b'"):
        nodes(tmp_path, '<arg name="task"><choice value="a"/></arg>', {"task": "b"})
    with pytest.raises(ConfigError, match="got 'task=lift', expected NAME:=VALUE"):
        parse_arguments(["task=lift"])
    assert parse_arguments(["a:=", "b:=c:=d"]) == {"a": "", "b": "c:=d"}


@pytest.mark.parametrize("file", OURS, ids=lambda p: p.name.split(".")[0])
def test_our_files_name_only_parameters_that_exist(file: Path, tmp_path: Path) -> None:
    """Every `-p name` is a field of the node's Config, and every parameter file's key too.

    Other packages' nodes stand in a prefix of the test's own; their parameters are checked in
    test_config_files.py. What a Python launch file of theirs starts, `visuomotor up` cannot know.
    """
    name = file.name.split(".")[0]
    environment = {**os.environ, "AMENT_PREFIX_PATH": str(foreign_programs(tmp_path))}
    for flag in ("true", "false"):
        switches = {"sim", "expert", "keypoints", "only_descriptors", "has_wrist"}
        declared = {k: flag for k in switches if f'<arg name="{k}"' in file.read_text()}
        for spec in read_launch_file(file, {**NEEDED.get(name, {}), **declared}, environment):
            assert spec.environment["FASTDDS_DEFAULT_PROFILES_FILE"].endswith("fastdds.xml")
            if spec.package != "visuomotor":
                continue
            module = importlib.import_module(f"visuomotor.nodes.{spec.executable}")
            fields = {f.name for f in dataclasses.fields(module.Config)}
            words = spec.command
            given = {b.split(":=")[0] for a, b in itertools.pairwise(words) if a == "-p"}
            for option, value in itertools.pairwise(words):
                if option == "--params-file":
                    for node, keys in yaml.safe_load(Path(value).read_text()).items():
                        if node.rpartition("/")[2] in ("**", spec.name):
                            given |= set(keys["ros__parameters"])
            given -= {"use_sim_time"}  # every node has it
            assert given <= fields, f"{spec.executable}: {given - fields}"


def foreign_programs(folder: Path) -> Path:
    """A prefix with every program of another package that our launch files name."""
    for file in OURS:
        for package, program in re.findall(r'<node pkg="(\w+)" exec="(\w+)"', file.read_text()):
            path = folder / "lib" / package / program
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o755)
    return folder


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("robot_crisp", {}, "package 'franka_bringup' is not in"),
        ("gazebo", {}, "package 'ros_gz_sim' is not in"),
        (
            "cameras_realsense",
            NEEDED["cameras_realsense"],
            "no executable 'realsense2_camera_node' of package 'realsense2_camera'",
        ),
    ],
)
def test_a_package_that_is_missing_is_named(name: str, arguments: dict, text: str) -> None:
    environment = {"PATH": "", "AMENT_PREFIX_PATH": "/nonexistent"}
    with pytest.raises(VisuomotorError, match=rf"{name}\.launch\.xml:\d+: <\w+>: {text}.*install"):
        read_launch_file(find_launch_file(name), arguments, environment)


def test_a_python_launch_file_is_left_to_ros2_launch(tmp_path: Path) -> None:
    share = tmp_path / "share" / "franka_bringup"
    (share / "launch").mkdir(parents=True)
    (share / "package.xml").touch()
    (share / "launch" / "franka.launch.py").touch()
    environment = {"PATH": "", "AMENT_PREFIX_PATH": str(tmp_path)}
    with pytest.raises(ConfigError, match=r"franka\.launch\.py is no XML.*ros2 launch"):
        read_launch_file(find_launch_file("robot_crisp"), {}, environment)


def test_beside_franka_ros2_our_nodes_listen_where_it_speaks() -> None:
    """With both generations' names of the hand's node."""
    for gripper_node in ("franka_gripper", "fr3_gripper"):
        arguments = {"bringup": "false", "gripper_node": gripper_node}
        sync, bridge = read_launch_file(find_launch_file("robot_crisp"), arguments)
        for spec in (sync, bridge):
            words = " ".join(spec.command)
            assert "current_pose:=franka_robot_state_broadcaster/current_pose" in words
            assert f"gripper/joint_states:={gripper_node}/joint_states" in words
        assert f'gripper_node:="{gripper_node}"' in " ".join(bridge.command)


def test_what_the_user_set_stays(tmp_path: Path) -> None:
    mine = {"PATH": "", "FASTDDS_DEFAULT_PROFILES_FILE": "mine", "ROS_DISTRO": "kilted"}
    mine["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "SUBNET"
    for spec in read_launch_file(share_folder() / "launch" / "sim.launch.xml", {}, mine):
        assert {k: spec.environment[k] for k in mine} == mine
    assert local_environment(mine) == mine
    assert local_environment({})["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert local_environment({"ROS_DISTRO": "humble"})["ROS_LOCALHOST_ONLY"] == "1"
    (humble, *_) = read_launch_file(
        share_folder() / "launch" / "sim.launch.xml", {}, {"ROS_DISTRO": "humble"}
    )
    assert humble.environment["FASTRTPS_DEFAULT_PROFILES_FILE"].endswith("fastdds.xml")
    assert humble.environment["ROS_LOCALHOST_ONLY"] == "1"


def test_our_files_are_found_by_name(tmp_path: Path) -> None:
    path = share_folder() / "launch" / "sim.launch.xml"
    assert find_launch_file("sim") == find_launch_file("sim.launch.xml") == path
    with pytest.raises(ConfigError, match=r"no launch file 'smi': give a path, or one of.*sim"):
        find_launch_file("smi")
