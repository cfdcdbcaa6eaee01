"""mkdocs hook: writes every command's --help into the page that says `<!-- commands -->`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).resolve().parents[1] / "src"
MARK = "<!-- commands -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page's text with a section for every command instead of the mark."""
    if MARK not in markdown:
        return markdown
    os.environ["COLUMNS"] = "96"
    if str(SOURCE) not in sys.path:  # here: mkdocs undoes what a hook does while it is loaded
        sys.path.insert(0, str(SOURCE))
    from visuomotor.cli import application
    from visuomotor.commands.listing import CommandTree, help_of

    sections = [
        f"## {' '.join(words)}\n\n```text\n{help_of(words, function).strip()}\n```"
        for words, function in application(CommandTree).leaves()
    ]
    return markdown.replace(MARK, "\n\n".join(sections))
