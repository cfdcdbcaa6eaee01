"""The libfranka backend against franka-sim, which aborts on what a control box would refuse.

An optional job, `make test-franka-sim`: franka-sim pins older libraries and runs in an environment
of its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from test_libfranka_backend import follow, wait

from visuomotor.control.backends.libfranka import LibfrankaBackend, LibfrankaConfig

pytestmark = pytest.mark.alone

franky_sim = pytest.importorskip("franky_sim", reason="pip install franky-sim")
PYTHON = os.environ.get("FRANKA_SIM_PYTHON", "")
if not PYTHON:
    pytest.skip("make test-franka-sim runs it", allow_module_level=True)

HOST = "127.0.0.1"
LATE = "communication_constraints_violation"
SERVER = """
from franka_sim import FrankaSimServer

FrankaSimServer(
    host="127.0.0.1",
    enable_gripper=False,
    enforce_comm_constraints=True,
    enforce_motion_limits=True,
).start()
"""


def without_hand(root, meshes) -> None:
    """franka-sim adds the hand itself, where it is asked for one."""
    root.find("compiler").set("meshdir", str(meshes))
    for parent in list(root.iter()):
        for child in list(parent):
            names = " ".join(child.attrib.values())
            named = child.tag in ("body", "general", "fixed", "joint", "exclude")
            hand = any(word in names for word in ("hand", "finger", "split"))
            if child.tag == "keyframe" or (named and hand):
                parent.remove(child)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("franka_sim")
    model, log = folder / "fr3.xml", folder / "log"
    assets = Path(franky_sim.__file__).parent / "assets"
    tree = ElementTree.parse(assets / "fr3.xml")
    without_hand(tree.getroot(), assets / "meshes")
    tree.write(model)
    with log.open("w") as out:
        process = subprocess.Popen(
            [PYTHON, "-u", "-c", SERVER],
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "FR3_MJCF": os.environ.get("FR3_MJCF", str(model))},
        )
    yield process, log
    process.kill()
    process.wait(10)


@pytest.fixture
def backend(server):
    process, log = server
    made = LibfrankaBackend(
        LibfrankaConfig(
            robot_hostname=HOST, ignore_realtime=True, has_gripper=False, start_wait_s=30.0
        )
    )
    try:
        made.start()
    except Exception as error:
        pytest.fail(f"{error}\nexit {process.poll()}: {log.read_text()[-3000:]}")
    wait(lambda: made.state() is not None, "a robot state")
    yield made
    made.stop()


def lead(backend, by) -> None:
    """Leads the arm by (3,) m, anew if this machine was too late for the arm's millisecond."""
    goal = backend.state().T_base_ee[:3, 3] + by
    for _ in range(20):
        try:
            follow(backend, goal - backend.state().T_base_ee[:3, 3])
            return
        except AssertionError:
            if LATE not in backend.fault:
                raise
            backend.recover()
    pytest.fail(f"this machine is too busy for the arm's millisecond: {backend.fault}")


def test_what_the_bridge_commands_breaks_no_limit(backend, server) -> None:
    for by in ([0.0, 0.1, 0.0], [0.0, -0.1, -0.05], [0.08, 0.0, 0.0], [-0.08, 0.0, 0.05]):
        lead(backend, np.array(by))
    assert not backend.fault
    errors = {line for line in server[1].read_text().splitlines() if "violation" in line}
    assert not [line for line in errors if LATE not in line]


def test_an_arm_that_is_silent_for_a_moment_is_led_on_afterwards(backend, server) -> None:
    process, _ = server
    start = backend.state().T_base_ee
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.5)
    process.send_signal(signal.SIGCONT)
    wait(lambda: backend.fault or backend.state().stamp_ns, "a state")
    if backend.fault:
        backend.recover()
    lead(backend, np.array([0.0, 0.05, 0.0]))
    lead(backend, np.array([0.0, -0.05, 0.0]))
    assert np.linalg.norm(backend.state().T_base_ee[:3, 3] - start[:3, 3]) < 0.02
