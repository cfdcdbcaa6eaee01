"""Sets of late cameras: the robot of the moment that the image shows, and a stamp that says so."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visuomotor.contracts import StampedImage
from visuomotor.geometry import PinholeCamera, pose
from visuomotor.sync import CameraCalibration, FrameSynchroniser, SyncConfig

MS = 1_000_000
SPEED_M_S = 0.2
CAMERA = PinholeCamera.from_fovy(6, 4, 0.8)


def sets(late_ms: dict[str, float], known: dict[str, CameraCalibration], depth: bool = True):
    """Cameras that stamp late and show, in every pixel, the tick at which they looked."""
    sync = FrameSynchroniser(SyncConfig(tuple(late_ms), depth=depth), known)
    for name in late_ms:
        sync.set_camera(name, CAMERA)
        sync.set_extrinsics(name, np.eye(4))
    frames = []
    for tick in range(0, 2000, 10):
        now = 10_000 * MS + tick * MS
        sync.add_pose(now, pose(position=(SPEED_M_S * tick * 1e-3, 0, 0)))
        sync.add_joints(now, np.zeros(7), np.zeros(7))
        sync.add_gripper(now, 0.05)
        if tick % 50 == 0:
            for name, late in late_ms.items():
                stamp = now + round(late * MS)
                sync.add_color(name, StampedImage(stamp, np.full((4, 6, 3), tick // 50, np.uint8)))
                if depth:
                    shown = np.full((4, 6), 1 + tick // 50, np.uint16)
                    sync.add_depth(name, StampedImage(stamp, shown))
        frames += sync.poll(now)
    return frames


@settings(max_examples=40, deadline=None)
@given(front=st.floats(-40, 120), side=st.floats(-40, 120))
def test_sets_are_of_one_moment(front: float, side: float) -> None:
    late = {"front": front, "side": side}
    known = {n: CameraCalibration(np.eye(4), latency_s=1e-3 * ms) for n, ms in late.items()}
    frames = sets(late, known)
    assert len(frames) > 25
    for frame in frames:
        tick = int(frame.cameras["front"].color[0, 0, 0])
        assert (frame.cameras["side"].color == tick).all()
        assert (frame.cameras["side"].depth_mm == tick + 1).all()
        assert frame.stamp_ns == pytest.approx(10_000 * MS + tick * 50 * MS, abs=2)
        assert frame.robot.T_base_ee[0, 3] == pytest.approx(SPEED_M_S * 0.05 * tick, abs=1e-6)


def test_without_the_measurement_the_robot_is_ahead() -> None:
    frames = sets({"front": 40.0}, {"front": CameraCalibration(np.eye(4))}, depth=False)
    for frame in frames:
        tick = int(frame.cameras["front"].color[0, 0, 0])
        ahead_m = frame.robot.T_base_ee[0, 3] - SPEED_M_S * 0.05 * tick
        assert ahead_m == pytest.approx(SPEED_M_S * 0.040, abs=1e-6)
