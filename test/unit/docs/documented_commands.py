"""The code blocks of README.md, CONTRIBUTING.md and docs/, and the commands that they show."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
FENCE = re.compile(r"^ *```(\w*)$")
MARK = re.compile(r"^ *<!-- (run|run: minutes) -->$")
INLINE = re.compile(r"(?<!`)`((?:visuomotor|make) [^`\n]+(?:\n[^`\n]+)?)`")
SHELL = ("", "sh")
"""Languages of the blocks that show commands; a block of anything else says of what."""


@dataclass(frozen=True)
class Block:
    """One fenced block: where it begins, its language, and how it is marked to be run."""

    page: str
    line: int
    language: str
    text: str
    mark: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks() -> list[Block]:
    """All fenced blocks, in the order of the pages."""
    return [block for page in PAGES for block in blocks_of(page)]


def blocks_of(page: Path) -> Iterator[Block]:
    """A page's fenced blocks, those in lists without their indentation."""
    mark, begin, language, inside = "", 0, "", list[str]()
    for number, line in enumerate(page.read_text().splitlines(), start=1):
        fence = FENCE.match(line)
        if begin and fence:
            indent = min((len(t) - len(t.lstrip()) for t in inside if t.strip()), default=0)
            text = "\n".join(t[indent:] for t in inside)
            yield Block(str(page.relative_to(ROOT)), begin, language, text, mark)
            mark, begin, inside = "", 0, []
        elif begin:
            inside.append(line)
        elif fence:
            begin, language = number, fence[1]
        elif line.strip():
            marked = MARK.match(line)
            mark = marked[1] if marked else ""
    assert not begin, f"{page}:{begin}: a block that does not end"


def readers_files() -> dict[str, str]:
    """What the pages have a reader write: YAML blocks that begin with `# NAME.yaml`."""
    named = ((re.match(r"# (\w+\.yaml)$", b.text, re.M), b) for b in blocks())
    return {name[1]: b.text for name, b in named if name and b.language == "yaml"}


def commands_of(text: str) -> list[list[str]]:
    """The words of each command of a shell block, without comments and leading assignments."""
    found, waiting = list[list[str]](), ""
    for line in text.splitlines():
        waiting = f"{waiting}\n{line}" if waiting else line
        if waiting.endswith("\\"):
            waiting = waiting[:-1]
            continue
        lexer = shlex.shlex(waiting, posix=True, punctuation_chars="|&;<>")
        lexer.whitespace_split = True
        try:
            words = list(lexer)
        except ValueError:  # a quotation goes on in the next line
            continue
        waiting = ""
        command = list[str]()
        for word in [*words, ";"]:
            if set(word) <= set("|&;"):
                while command and re.match(r"\w+=", command[0]):
                    command.pop(0)
                found += [command] * bool(command)
                command = []
            else:
                command.append(word)
    assert not waiting, f"a quotation that does not end: {waiting!r}"
    return found


def inline_commands(page: Path) -> list[list[str]]:
    """Commands within the text, which may be incomplete; `a|b` stands for two."""
    text = re.sub(r"^ *```\w*\n.*?^ *```$", "", page.read_text(), flags=re.M | re.S)
    found = list[list[str]]()
    for span in INLINE.findall(text):
        variants = [list[str]()]
        for word in span.split():
            options = [word] if word.startswith("[") else word.split("|")
            variants = [[*v, option] for v in variants for option in options]
        found += variants
    return found
