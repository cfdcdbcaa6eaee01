"""Python, libraries, ROS 2, rendering and learning: what `visuomotor doctor` finds installed."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from visuomotor.bench.diagnosis import Check, missing, ok, warning

CORE = ("numpy", "opencv-python-headless", "PyYAML", "rosbags", "tyro", "tqdm")
MODULES = {"opencv-python-headless": "cv2", "PyYAML": "yaml"}
MESSAGES = ("sensor_msgs", "geometry_msgs", "std_msgs", "std_srvs", "diagnostic_msgs",
            "visualization_msgs", "trajectory_msgs")  # fmt: skip
PIP_ROS = "source /opt/ros/<distribution>/setup.bash, or pip install 'visuomotor[ros]'"
RENDER = """
import os, time
os.environ["MUJOCO_GL"] = "egl"
import mujoco
model = mujoco.MjModel.from_xml_string(
    "<mujoco><visual><quality offsamples='0' shadowsize='0'/></visual><worldbody>"
    "<light pos='0 0 2'/><geom size='.2' rgba='1 0 0 1'/></worldbody></mujoco>")
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
with mujoco.Renderer(model, 120, 160) as renderer:
    for _ in range(3):
        start = time.perf_counter()
        renderer.update_scene(data)
        image = renderer.render()
        ms = (time.perf_counter() - start) * 1e3
    if image.max() == 0:
        raise SystemExit("the rendered frame is black")
    try:
        from OpenGL import GL
        name = GL.glGetString(GL.GL_RENDERER).decode()
    except Exception:
        name = "unknown renderer"
    print(f"{name}|{ms:.1f}")
"""


def version(distribution: str) -> str | None:
    """An installed distribution's version, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def check_python() -> list[Check]:
    """Python 3.10 to 3.13."""
    text = sys.version.split()[0]
    if (3, 10) <= sys.version_info[:2] <= (3, 13):
        return [ok("Python", f"{text} at {sys.prefix}")]
    return [missing("Python", text, "use Python 3.10 to 3.13 (make PYTHON=...)", required=True)]


def check_core() -> list[Check]:
    """The libraries that every part needs."""
    lacking = []
    for name in CORE:
        try:
            importlib.import_module(MODULES.get(name, name))
        except ImportError as error:
            lacking.append(f"{name} ({error})")
    if lacking:
        remedy = f"pip install {' '.join(x.split()[0] for x in lacking)}"
        return [missing("core libraries", "lacks " + ", ".join(lacking), remedy, required=True)]
    return [ok("core libraries", ", ".join(f"{n} {version(n) or ''}".strip() for n in CORE))]


def check_ros() -> list[Check]:
    """Which ROS 2, its messages, its middleware and how far it discovers."""
    try:
        import rclpy
    except ImportError as error:
        return [missing("ROS 2", f"rclpy cannot be imported: {error}", PIP_ROS, required=True)]
    wheels = version("ros-rclpy")
    distribution = os.environ.get("ROS_DISTRO", "")
    from_wheels = wheels is not None and Path(rclpy.__file__).is_relative_to(sys.prefix)
    found = f"wheels, rclpy {wheels}" if from_wheels else f"distribution {distribution or '?'}"
    checks = [ok("ROS 2", f"{found} at {Path(rclpy.__file__).parent}")]
    if wheels is not None and distribution:  # whose rclpy comes first does not matter
        checks[0] = warning(
            "ROS 2",
            f"{found}; wheels are installed and {distribution} is sourced, too",
            "use one of them: a shell without setup.bash, or an environment without wheels "
            "(docs/tutorial.md, with a ROS distribution)",
        )
    lacking = [m for m in MESSAGES if not _imports(m)]
    if lacking:
        checks.append(missing("messages", f"lacks {', '.join(lacking)}", PIP_ROS, required=True))
    return [*checks, _middleware(), _dds_profile(), _discovery()]


def _imports(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def _middleware() -> Check:
    from rclpy.utilities import get_rmw_implementation_identifier

    name = get_rmw_implementation_identifier()
    if name == "rmw_fastrtps_cpp":
        return ok("middleware", name)
    remedy = "RMW_IMPLEMENTATION=rmw_fastrtps_cpp; our DDS profile is for Fast DDS"
    return warning("middleware", f"{name}: works, not measured", remedy)


def _dds_profile() -> Check:
    for variable in ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE"):
        path = os.environ.get(variable)
        if path:
            if Path(path).is_file():
                return ok("DDS profile", f"{variable}={path}")
            return warning("DDS profile", f"{variable}={path} is no file", f"unset {variable}")
    from visuomotor.ros.launch import share_folder

    ours = share_folder() / "config" / "fastdds.xml"
    if not ours.is_file():
        return missing("DDS profile", f"{ours} does not exist", "install the package again")
    return ok("DDS profile", f"launch files set {ours}; other shells: export "
              "FASTRTPS_DEFAULT_PROFILES_FILE to it")  # fmt: skip


def _discovery() -> Check:
    domain = os.environ.get("ROS_DOMAIN_ID", "0 (default)")
    if os.environ.get("ROS_LOCALHOST_ONLY") == "1":
        return ok("discovery", f"this machine (ROS_LOCALHOST_ONLY=1), domain {domain}")
    reach = os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "")
    if reach in ("LOCALHOST", "OFF"):
        return ok("discovery", f"range {reach}, domain {domain}")
    if reach:
        remedy = "ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST unless robot and cameras are elsewhere"
        return warning("discovery", f"range {reach}, domain {domain}", remedy)
    found = f"visuomotor's nodes keep to this machine, others use the subnet; domain {domain}"
    return ok("discovery", found)


def check_rendering() -> list[Check]:
    """MuJoCo, and one frame that is really rendered through EGL."""
    installed = version("mujoco")
    if installed is None:
        return [missing("MuJoCo", "not installed", "pip install 'visuomotor[sim]'")]
    checks = [ok("MuJoCo", installed)]
    try:
        run = subprocess.run(
            [sys.executable, "-c", RENDER], capture_output=True, text=True, timeout=60
        )
        output, error = run.stdout, run.stderr.strip()
    except subprocess.TimeoutExpired:
        output, error = "", "no frame within 60 s"
    lines = output.strip().splitlines()
    if not lines or "|" not in lines[-1]:
        reason = (error.splitlines() or ["the process died"])[-1]
        remedy = "apt-get install libegl1 libegl-mesa0 libgl1-mesa-dri (or the GPU's driver)"
        checks.append(missing("EGL", f"no frame: {reason[:160]}", remedy))
    else:
        renderer, ms = lines[-1].rsplit("|", 1)
        found = f"160x120 frame in {ms} ms by {renderer}"
        software = "llvmpipe" in renderer.lower()
        note = " (no GPU: appearance original is slow)" if software else ""
        checks.append(ok("EGL", found + note))
    return checks


def check_torch() -> list[Check]:
    """The build of torch, its threads and accelerators."""
    if version("torch") is None:
        remedy = "pip install 'visuomotor[learn]' (without a GPU: torch from the CPU index)"
        return [missing("torch", "not installed: no training, no policies", remedy)]
    import torch

    cuda = torch.version.cuda
    if cuda is None:
        build = "CPU build"
    elif torch.cuda.is_available():
        build = f"CUDA {cuda}, {torch.cuda.get_device_name(0)}"
    else:
        found = f"{torch.__version__}, CUDA {cuda} but no GPU is usable"
        return [warning("torch", found, "check nvidia-smi; the CPU build is smaller")]
    return [ok("torch", f"{torch.__version__}, {build}, {torch.get_num_threads()} threads")]


def check_robot_libraries() -> list[Check]:
    """The clients of a real arm, and of its protocol in simulation."""
    checks = []
    for name, module, extra, use in (
        ("franky-control", "franky", "robot", "driving an arm by libfranka"),
        ("franky-sim", "franky_sim", "sim", "the simulated arm"),
        ("fast-simplification", "fast_simplification", "sim", "appearance full"),
    ):
        installed = version(name)
        if installed is None:
            remedy = f"pip install 'visuomotor[{extra}]'"
            checks.append(missing(name, f"not installed: needed for {use}", remedy))
        elif not _imports(module):
            checks.append(
                warning(
                    name, f"{installed} does not import", f"pip install --force-reinstall {name}"
                )
            )
        else:
            checks.append(ok(name, installed))
    return checks


SOFTWARE_CHECKS: list[tuple[str, Callable[[], list[Check]]]] = [
    ("Python", check_python),
    ("core libraries", check_core),
    ("ROS 2", check_ros),
    ("rendering", check_rendering),
    ("torch", check_torch),
    ("robot libraries", check_robot_libraries),
]
