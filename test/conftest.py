"""Every test run has its own ROS domain, stays on this machine and renders without a screen."""

import os

os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
if worker := os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw"):  # each its own
    os.environ["ROS_DOMAIN_ID"] = str(1 + (int(os.environ["ROS_DOMAIN_ID"]) + int(worker)) % 100)
os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
os.environ.setdefault(
    "ROS_LOCALHOST_ONLY", "1" if os.environ.get("ROS_DISTRO") == "humble" else "0"
)
os.environ.setdefault("MUJOCO_GL", "egl")
os.environ.setdefault("OMP_NUM_THREADS", "2")

try:
    from hypothesis import settings
except ImportError:  # a colcon workspace without it skips those tests
    pass
else:
    settings.register_profile("suite", deadline=None)  # speed belongs in benchmarks
    settings.load_profile("suite")
