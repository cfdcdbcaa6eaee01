"""`python -m visuomotor.bench.fuzzing`: some targets alone, or one input again."""

from __future__ import annotations

import argparse
import faulthandler
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from visuomotor.bench.fuzz import fuzzed, summary
from visuomotor.bench.fuzzing.target import TARGETS, open_target
from visuomotor.errors import VisuomotorError


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """What the command line says; ends the process, with a message, where it cannot be meant."""
    parser = argparse.ArgumentParser(prog="python -m visuomotor.bench.fuzzing")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--cases", type=int, default=500, help="of each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--input", type=Path, help="a kept input; one target takes it")
    given = parser.parse_args(words)
    for name in given.targets:
        if name not in TARGETS:
            parser.error(f"no target {name!r}; there are {', '.join(TARGETS)}")
    if given.input is not None and len(given.targets) != 1:
        parser.error("--input needs one target")
    return given


def main() -> int:
    """Runs cases of the named targets, or gives the file `--input` to one of them."""
    given = arguments(sys.argv[1:])
    if given.input is None:
        names = given.targets or list(TARGETS)
        tallies = fuzzed(dict.fromkeys(names, given.cases), given.seed, given.findings)
        print(summary(tallies))
        return int(any(t.defects for t in tallies.values()))
    faulthandler.enable()
    with tempfile.TemporaryDirectory() as folder:
        target = open_target(given.targets[0], Path(folder))
        try:
            target.use(given.input.read_bytes())
        except VisuomotorError as error:
            print(f"refused: {type(error).__name__}: {str(error)[:2000]}")
            return 0
    print("accepted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
