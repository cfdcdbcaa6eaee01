"""The documentation's blocks that take minutes, as a reader runs them: `make test-docs`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "docs"))
from documented_commands import ROOT, SHELL, Block, blocks

LONG = [b for b in blocks() if b.language in SHELL and b.mark == "run: minutes"]
LIMIT_S = 1200.0


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted({b.page for b in LONG}))
def test_a_pages_marked_blocks_run_in_order(page: str, tmp_path: Path) -> None:
    """By bash, which stops at the first error, in one folder with the checkout's files."""
    for name in ("launch", "config", "models"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "sample", tmp_path / "sample")
    ours: list[Block] = [b for b in LONG if b.page == page]
    script = "\n".join(f"echo '--- {block}'\n{block.text}" for block in ours)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_S * len(ours),
    )
    assert run.returncode == 0, f"{run.stdout[-3000:]}\n{run.stderr[-3000:]}"
