"""Optional libraries: one clear line instead of a traceback where one is not installed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from visuomotor.errors import MissingDependencyError

EXTRAS = {
    "torch": "learn",
    "safetensors": "learn",
    "mujoco": "sim",
    "franky_sim": "sim",
    "franky": "robot",
    "h5py": "export",
    "ray": "ray",
    "rclpy": "ros",
    "sensor_msgs": "ros",
    "geometry_msgs": "ros",
    "std_msgs": "ros",
    "std_srvs": "ros",
    "diagnostic_msgs": "ros",
    "visualization_msgs": "ros",
    "trajectory_msgs": "ros",
}
"""Module -> the extra of this package that installs it."""


@contextlib.contextmanager
def explain_missing() -> Iterator[None]:
    """Turns the ImportError of an optional library into MissingDependencyError."""
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module not in EXTRAS:
            raise
        extra = EXTRAS[module]
        source = " (or source a ROS 2 distribution)" if extra == "ros" else ""
        raise MissingDependencyError(
            f"this needs {module}, which is not installed; pip install 'visuomotor[{extra}]'"
            f"{source}. `visuomotor doctor` shows what else is missing"
        ) from error
