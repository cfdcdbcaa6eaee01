"""Reads every import and checks that it goes downward only (docs/architecture.md, "Rooms")."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "visuomotor"

BASE = {"errors", "config", "contracts", "geometry", "slow"}
CORE = BASE | {"sync", "recording", "teleop", "control", "observations", "sim"}
MODELS = CORE | {"networks", "descriptors", "policies", "video", "checkpoint", "ranks"}
LEARNING = MODELS | {"dataset", "training"}
NODES = LEARNING | {"ros", "calibration", "generation", "labelling"}

# room: (rooms it may import, third-party roots it may never import)
ROBOTICS = {"rclpy", "sensor_msgs", "geometry_msgs", "std_msgs", "std_srvs", "diagnostic_msgs"}
RULES: dict[str, tuple[set[str], set[str]]] = {
    **{r: (BASE, ROBOTICS | {"torch", "mujoco", "cv2", "rosbags"}) for r in BASE},
    **{
        r: (CORE - {"sim"}, ROBOTICS | {"torch", "mujoco"})
        for r in ("sync", "recording", "teleop", "control", "observations")
    },
    "sim": (CORE, ROBOTICS | {"torch"}),
    "calibration": (CORE - {"sim"}, ROBOTICS | {"torch", "mujoco"}),
    "labelling": (CORE - {"sim"}, ROBOTICS | {"torch", "mujoco"}),
    **{
        r: (MODELS, ROBOTICS | {"mujoco", "rosbags"})
        for r in ("networks", "descriptors", "policies", "video", "checkpoint", "ranks")
    },
    "dataset": (MODELS | {"dataset"}, ROBOTICS | {"mujoco"}),
    "training": (LEARNING, ROBOTICS | {"mujoco"}),
    "generation": (LEARNING | {"generation"}, ROBOTICS | {"mujoco"}),
    "interchange": (LEARNING | {"interchange"}, ROBOTICS | {"mujoco"}),
    "ros": (BASE | {"ros"}, {"torch", "mujoco", "rosbags"}),
    "nodes": (NODES | {"nodes", "console"}, set()),
    "console": (NODES | {"console"}, set()),
}


def files() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path, top_level_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text())
    skip: set[ast.AST] = set()
    if top_level_only:
        for node in ast.walk(tree):
            lazy = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or (
                isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            )
            if lazy:
                skip.update(ast.walk(node))
    names: set[str] = set()
    for node in ast.walk(tree):
        if node in skip:
            continue
        if isinstance(node, ast.Import):
            names.update(a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            names.add(node.module or "")
            names.update(f"{node.module}.{a.name}" for a in node.names)
    return names


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_go_down(path: Path) -> None:
    here = room(path)
    if here not in RULES:
        return
    allowed, forbidden = RULES[here]
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "visuomotor" and len(parts) > 1 and parts[1] != "__version__":
            assert parts[1] in allowed | {here}, f"{here} may not import {name}"
        assert parts[0] not in forbidden, f"{here} may not import {name}"


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_a_node_never_imports_another(path: Path) -> None:
    if room(path) == "nodes":
        others = {n for n in imports(path) if n.startswith("visuomotor.nodes.")}
        assert not others, (
            f"{path.name} imports {others}; move what is shared into ros/ or the core"
        )


@pytest.mark.parametrize(
    "name",
    [
        *("sim", "rgbd_sync", "recorder", "cartesian_bridge", "console"),
        *("teleop", "teleop_keyboard", "weak_capture"),
    ],
)
def test_torch_stays_out_of_hardware_nodes(name: str) -> None:
    """Follows the imports at module level from the node: torch must not be among them."""
    start = SOURCE / "nodes" / f"{name}.py"
    seen: set[Path] = set()
    queue = [start]
    while queue:
        path = queue.pop()
        if path in seen or not path.exists():
            continue
        seen.add(path)
        for imported in imports(path, top_level_only=True):
            assert imported.split(".")[0] != "torch", f"{path} imports torch at start of {name}"
            parts = imported.split(".")
            if parts[0] == "visuomotor":
                base = SOURCE.joinpath(*parts[1:])
                queue += [base.with_suffix(".py"), base / "__init__.py"]
                queue += [p / "__init__.py" for p in base.parents if p.is_relative_to(SOURCE)]
    assert start in seen
