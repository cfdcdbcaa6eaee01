"""Foxglove's layout and RViz's displays name topics, types, fields and services that exist."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("rclpy")

import diagnostic_msgs.msg
import geometry_msgs.msg
import sensor_msgs.msg
import visualization_msgs.msg
from rclpy.qos import ReliabilityPolicy

from visuomotor.ros import topics

ROOT = Path(__file__).parents[3]
LAYOUT = json.loads((ROOT / "config" / "foxglove_layout.json").read_text())
RVIZ = yaml.safe_load((ROOT / "config" / "visuomotor.rviz").read_text())["Visualization Manager"]
PACKAGES = (sensor_msgs.msg, geometry_msgs.msg, diagnostic_msgs.msg, visualization_msgs.msg)
CAMERAS = ("front", "side", "wrist")
STREAMS = ("color", "depth", "camera_info")
RVIZ_TYPES = {
    "Image": "Image",
    "PointCloud2": "PointCloud2",
    "MarkerArray": "MarkerArray",
    "Pose": "PoseStamped",
}
FOXGLOVE_TYPES = {
    "Image": {"Image", "CompressedImage"},
    "3D": {"PointCloud2", "MarkerArray", "PoseStamped"},
    "DiagnosticSummary": {"DiagnosticArray"},
    "Plot": {"PoseStamped", "JointState"},
}


def published() -> dict[str, tuple[str, bool]]:
    """Absolute topic -> (message type, whether it is reliable), by what the nodes create."""
    found: dict[str, tuple[str, bool]] = {}
    for file in (ROOT / "src").rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text())):
            if not (isinstance(call, ast.Call) and ast.unparse(call.func).endswith("publisher")):
                continue
            words = [ast.unparse(argument) for argument in call.args]
            if len(words) != 3 or not all(w.startswith("topics.") for w in words[1:]):
                continue
            qos = getattr(topics, words[2].removeprefix("topics."))
            kind = (words[0], qos.reliability == ReliabilityPolicy.RELIABLE)
            for name in names(words[1].removeprefix("topics.")):
                found["/" + name.lstrip("/")] = kind
    return found


def names(text: str) -> Iterator[str]:
    """The topics that an expression of a node can mean, for every camera."""
    function = text.partition("(")[0]
    if function in STREAMS:
        for camera in CAMERAS:
            for prefix in ("", topics.SYNCED):
                yield getattr(topics, function)(camera, prefix)
    elif isinstance(value := getattr(topics, function, None), str):
        yield value


PUBLISHED = published()


def test_what_the_nodes_publish_is_read_from_their_source() -> None:
    assert PUBLISHED["/synced/front/color"] == ("Image", False)
    assert PUBLISHED["/side/color/camera_info"] == ("CameraInfo", False)
    assert PUBLISHED["/command/target_pose"] == ("PoseStamped", True)
    assert PUBLISHED["/diagnostics"] == ("DiagnosticArray", True)
    assert PUBLISHED["/current_pose"] == ("PoseStamped", False)


@pytest.mark.parametrize(
    "display", [d for d in RVIZ["Displays"] if "Topic" in d], ids=lambda d: d["Name"]
)
def test_rviz_shows_what_is_published(display: dict[str, Any]) -> None:
    topic = display["Topic"]
    kind, reliable = PUBLISHED[topic["Value"]]
    assert kind == RVIZ_TYPES[display["Class"].removeprefix("rviz_default_plugins/")]
    if topic["Reliability Policy"] == "Reliable":
        assert reliable, "a reliable subscription gets nothing from a best-effort publisher"
    assert topic["Durability Policy"] == "Volatile"


def test_rviz_needs_no_tf() -> None:
    from visuomotor.ros.messages import BASE_FRAME

    assert RVIZ["Global Options"]["Fixed Frame"] == BASE_FRAME


def panel_topics(kind: str, panel: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(topic, field path) of a panel."""
    if kind == "Image":
        yield panel["imageMode"]["imageTopic"], ""
    elif kind == "3D":
        yield from ((topic, "") for topic in panel["topics"])
    elif kind == "DiagnosticSummary":
        yield panel["topicToRender"], ""
    elif kind == "Plot":
        for path in panel["paths"]:
            topic, _, field = path["value"].partition(".")
            yield topic, field


@pytest.mark.parametrize("name", LAYOUT["configById"])
def test_foxglove_shows_what_is_published_and_calls_what_is_offered(name: str) -> None:
    kind, panel = name.partition("!")[0], LAYOUT["configById"][name]
    if kind == "CallService":
        offered = {f"/{getattr(topics, n)}" for n in dir(topics) if n.isupper() and is_service(n)}
        assert panel["serviceName"] in offered
        assert json.loads(panel["requestPayload"]) == {}
        return
    shown = list(panel_topics(kind, panel))
    assert shown
    for topic, field in shown:
        message = PUBLISHED[topic][0]
        assert message in FOXGLOVE_TYPES[kind]
        if field:
            assert field_type(message, field) in ("double", "float")
    calibration = panel.get("imageMode", {}).get("calibrationTopic")
    if calibration:
        assert PUBLISHED[calibration][0] == "CameraInfo"


def is_service(name: str) -> bool:
    return name.startswith(("RECORDER_", "BRIDGE_", "SIM_RESET")) or name in (
        "POLICY_START",
        "POLICY_STOP",
    )


def field_type(message: str, path: str) -> str:
    """The type of a field such as pose.position.x."""
    kind = next(getattr(p, message) for p in PACKAGES if hasattr(p, message))
    for part in path.split("."):
        name = kind.get_fields_and_field_types()[part]
        if "/" not in name:
            return str(name)
        kind = next(getattr(p, t) for p in PACKAGES if hasattr(p, t := name.partition("/")[2]))
    raise AssertionError(f"{path} of {message} is no number")


def test_every_panel_has_its_place_once() -> None:
    def leaves(node: Any) -> Iterator[str]:
        if isinstance(node, str):
            yield node
            return
        yield from leaves(node["first"])
        yield from leaves(node["second"])

    placed = list(leaves(LAYOUT["layout"]))
    assert sorted(placed) == sorted(LAYOUT["configById"])
