"""The environments that hold the peers: which there are, what is in them, what makes them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from visuomotor.errors import MissingDependencyError

ROOT = Path(__file__).parents[4]
_ASK = """
import importlib.metadata as metadata, json, platform, sys
found = {"python": platform.python_version()}
for name in sys.argv[1:]:
    try:
        found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        found[name] = None
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Environment:
    """An interpreter and the versions of what it was asked for; None: not in it."""

    python: Path
    versions: dict[str, str | None]


def here(distributions: Sequence[str]) -> Environment:
    """The environment that this program runs in."""
    return _asked(Path(sys.executable), distributions)


def environment(
    name: str, target: str, needed: Sequence[str], told: Sequence[str] = (), root: Path = ROOT
) -> Environment:
    """The virtual environment `root/name`, which `make target` makes.

    needed, told: distributions that have to be in it, and others whose versions are of interest.
    Raises MissingDependencyError for an environment or a distribution that is not there.
    """
    python = root / name / "bin" / "python"
    if not python.exists():
        raise MissingDependencyError(f"no {name} beside the code: `make {target}` makes it")
    found = _asked(python, [*needed, *told])
    missing = [n for n in needed if found.versions[n] is None]
    if missing:
        raise MissingDependencyError(
            f"{name} lacks {', '.join(missing)}: `make {target}` installs what changed"
        )
    return found


def _asked(python: Path, distributions: Sequence[str]) -> Environment:
    answer = subprocess.run(
        [str(python), "-c", _ASK, *distributions], capture_output=True, text=True
    )
    if answer.returncode != 0:
        raise MissingDependencyError(
            f"{python} does not run: {answer.stderr.strip()[-300:]}; remove its environment and "
            "make it again"
        )
    return Environment(python, json.loads(answer.stdout))
