"""What a policy node says of a skill, and reads again."""

import numpy as np
import pytest

pytest.importorskip("rclpy")

from visuomotor.geometry import matrix_from_rotvec, pose
from visuomotor.ros.manipulation import frame_of, manipulation_values


def test_a_frame_survives_diagnostics() -> None:
    frame = pose(matrix_from_rotvec([0.0, 0.0, -2.4]), (0.51, -0.12, 0.01))
    info = {"frame": frame, "skill_s": np.array([-1.0]), "done": np.array([0.0])}
    values = {k: str(v) for k, v in manipulation_values(info).items()}
    read = frame_of(values)
    assert read is not None
    np.testing.assert_allclose(read, frame, atol=1e-5)
    assert (values["skill_s"], values["skill_done"]) == ("-1.0", "False")


def test_other_policies_say_nothing_of_it() -> None:
    assert manipulation_values({"keypoints": np.zeros((2, 3))}) == {}
    assert frame_of({"active": "True"}) is None
