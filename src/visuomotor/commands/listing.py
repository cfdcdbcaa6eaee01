"""The commands by name, for whoever checks or prints them all instead of running one."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from typing import Any

import tyro
from tyro.extras import SubcommandApp


class CommandTree(SubcommandApp):
    """Keeps the functions and groups that are added, in `names`, beside what tyro makes of them."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, Any] = {}
        """Name on the command line -> the command's function, or a group's CommandTree."""

    def command(self, func: Any = None, **options: Any) -> Any:
        """As tyro's own."""
        if func is None:
            return lambda f: self.command(f, **options)
        self.names[(options.get("name") or func.__name__).replace("_", "-")] = func
        return super().command(func, **options)

    def leaves(self) -> Iterator[tuple[list[str], Callable[..., Any]]]:
        """Every command's words and function, in the order of the help."""
        for name, target in self.names.items():
            if isinstance(target, CommandTree):
                yield from (([name, *words], f) for words, f in target.leaves())
            else:
                yield [name], target


def help_of(words: list[str], function: Callable[..., Any]) -> str:
    """What `visuomotor WORDS --help` prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        tyro.cli(
            function,
            prog=f"visuomotor {' '.join(words)}",
            args=["--help"],
            config=(tyro.conf.FlagCreatePairsOff,),
        )
    return out.getvalue()
