"""Where packages keep their shared files and executables, with ROS sourced and without."""

from __future__ import annotations

import os
import pkgutil
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import visuomotor
from visuomotor.errors import ConfigError, MissingDependencyError, unknown_name

PACKAGE = "visuomotor"


def share_folder(package: str = PACKAGE, environment: Mapping[str, str] = os.environ) -> Path:
    """The folder with a package's `launch/` and `config/`: of the checkout, else as installed.

    Raises MissingDependencyError that says where it was looked for.
    """
    if package == PACKAGE:
        checkout = Path(visuomotor.__file__).resolve().parents[2]
        if (checkout / "package.xml").exists() and (checkout / "launch").is_dir():
            return checkout
    prefixes = [*prefix_paths(environment), *pip_prefixes()]
    for prefix in prefixes:
        if (prefix / "share" / package / "package.xml").exists():
            return prefix / "share" / package
    raise MissingDependencyError(
        f"package {package!r} is not in {', '.join(map(str, prefixes))}; install it, or source "
        "the setup file of the workspace that has it"
    )


def prefix_paths(environment: Mapping[str, str] = os.environ) -> list[Path]:
    """The install prefixes of the ROS workspaces that are sourced, the overlay first."""
    return [Path(p) for p in environment.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]


def pip_prefixes() -> list[Path]:
    """Where pip puts a wheel's shared files: of this Python (Debian's: /usr/local), of the user."""
    user = sysconfig.get_preferred_scheme("user")
    paths = [sysconfig.get_path("data"), sysconfig.get_path("data", user), sys.prefix]
    return [Path(p) for p in dict.fromkeys(paths)]


def executable(package: str, name: str, environment: Mapping[str, str] = os.environ) -> list[str]:
    """The command of a package's executable; our own nodes run in this very interpreter.

    Raises ConfigError for a node that does not exist (naming those that do), and
    MissingDependencyError for another package's that is not installed.
    """
    if package == PACKAGE:
        folder = Path(visuomotor.__file__).parent / "nodes"
        known = [m.name for m in pkgutil.iter_modules([str(folder)])]
        if name not in known:
            raise ConfigError(unknown_name("executable", name, known))
        code = f"from visuomotor.nodes.{name} import main; main()"
        return [sys.executable, "-u", "-c", code]
    for prefix in prefix_paths(environment):
        path = prefix / "lib" / package / name
        if path.is_file() and os.access(path, os.X_OK):
            return [str(path)]
    raise MissingDependencyError(
        f"no executable {name!r} of package {package!r} in AMENT_PREFIX_PATH="
        f"{environment.get('AMENT_PREFIX_PATH', '')!r}; install the package, or source the setup "
        "file of the workspace that has it"
    )
