"""What is installed: one version, every file, every dependency that the code imports."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

import visuomotor
from visuomotor.cli import main

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(
    not (ROOT / "setup.py").exists(), reason="needs the checkout, not an installation"
)


def package_xml() -> ElementTree.Element:
    return ElementTree.parse(ROOT / "package.xml").getroot()


def distribution(folder: Path) -> dict[str, str]:
    """What setup.py says, as `egg_info` writes it: file name -> text."""
    subprocess.run(
        [sys.executable, "setup.py", "-q", "egg_info", "--egg-base", str(folder)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    return {p.name: p.read_text() for p in (folder / "visuomotor.egg-info").iterdir()}


@pytest.fixture(scope="module")
def metadata(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return distribution(tmp_path_factory.mktemp("egg"))


def test_there_is_one_version(metadata: dict[str, str]) -> None:
    version = visuomotor.__version__
    assert re.search(rf"^Version: {re.escape(version)}$", metadata["PKG-INFO"], re.M)
    assert package_xml().findtext("version") == version
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert str(citation["version"]) == version
    assert citation["license"] == package_xml().findtext("license") == "Apache-2.0"


def test_everything_that_is_read_at_run_time_is_distributed(metadata: dict[str, str]) -> None:
    sources = set(metadata["SOURCES.txt"].splitlines())
    for folder in ("launch", "config", "models"):
        for file in (ROOT / folder).rglob("*"):
            assert file.is_dir() or str(file.relative_to(ROOT)) in sources, file
    pages = {str(p.relative_to(ROOT)) for p in (ROOT / "src").glob("visuomotor/*/pages/*")}
    assert pages
    assert pages <= sources
    assert not [s for s in sources if "__pycache__" in s or ".venv" in s]


def test_every_program_has_a_main(metadata: dict[str, str]) -> None:
    """Without importing what needs a graph: the function stands in the module's source."""
    programs = re.findall(r"^(\w+) = ([\w.]+):(\w+)$", metadata["entry_points.txt"], re.M)
    nodes = {p.stem for p in (ROOT / "src/visuomotor/nodes").glob("[a-z]*.py")}
    assert {name for name, *_ in programs} == {*nodes, "visuomotor"}
    for _, module, function in programs:
        spec = importlib.util.find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        tree = ast.parse(Path(spec.origin).read_text())
        assert function in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}, module


def test_the_manifest_declares_every_ros_package_that_is_imported() -> None:
    """Those of a cell with franka_ros2 are imported where they are, and asked for by name."""
    declared = {e.text for e in package_xml() if e.tag.endswith("depend")}
    optional = {"franka_msgs", "control_msgs", "controller_manager_msgs"}
    names = r"rclpy|tf2_ros|cv_bridge|message_filters|std_srvs|\w+_msgs|\w+_interfaces"
    pattern = rf"^\s*(?:from|import) ({names})\b"
    for file in (ROOT / "src").rglob("*.py"):
        used = set(re.findall(pattern, file.read_text(), re.M))
        assert used <= declared | optional, f"{file}: {used - declared - optional}"


def test_completion_is_valid_shell(tmp_path: Path) -> None:
    """Written as docs/command_line.md says; bash reads it and it knows the commands."""
    script = tmp_path / "visuomotor"
    with pytest.raises(SystemExit) as end:
        main(["--tyro-write-completion", "bash", str(script)])
    assert end.value.code in (0, None)
    subprocess.run(["bash", "-n", str(script)], check=True)
    text = script.read_text()
    assert "complete" in text
    for word in ("train", "episodes", "descriptors", "--first-seed"):
        assert word in text
