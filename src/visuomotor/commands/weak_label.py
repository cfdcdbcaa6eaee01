"""The two ways of `weak label`: a page in a browser, and keys in the terminal."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from visuomotor.errors import ConfigError, DataError

if TYPE_CHECKING:
    from visuomotor.labelling import LabelSession

_ROWS = 24
_HELP = "space skip, u undo, arrows move, q end"


@contextmanager
def open_session(
    sources: Sequence[Path],
    out: Path,
    labels: Sequence[str],
    camera: str,
    every_s: float,
    longest_px: int,
) -> Iterator[LabelSession]:
    """Finds the pictures, says what was left out, and at the end how far it is.

    Ctrl-C ends it as any other end: what was labelled is on disk.
    """
    if not sources:
        raise ConfigError("weak label: no source; give images, folders, bags or datasets")
    quiet_decoders()
    from visuomotor.commands.progress import ProgressLine
    from visuomotor.labelling import LabelFolder, LabelSession, Sources, find_pictures

    how = Sources(camera, every_s, leave_out=out)
    session = LabelSession(LabelFolder(out), labels, [], longest_px)  # refuses before it searches
    with ProgressLine("pictures", 0, every_s=5.0) as line:
        pictures, refused = find_pictures(sources, how, lambda n: line.to(n))
    for why in refused:
        print(f"left out: {why}", file=sys.stderr)
    session = LabelSession(session.folder, labels, pictures, longest_px)
    try:
        yield session
    except KeyboardInterrupt:
        print()
    finally:
        session.close()
        how.frames.close()
    counts = ", ".join(f"{n} {label}" for label, n in session.counts().items())
    left = sum(map(session.asked, session.pictures))
    print(f"{out}: {counts}; " + (f"{left} not asked yet: run it again" if left else "all asked"))
    if warning := session.warning():
        print(warning)


def in_browser(session: LabelSession, title: str, port: int, host: str, token: str) -> None:
    """Serves the page until Ctrl-C."""
    from visuomotor.console.access import LOCAL
    from visuomotor.console.label_page import LabelPage
    from visuomotor.console.server import PageServer

    page = LabelPage(session, title)
    if host not in LOCAL:
        token = token or secrets.token_urlsafe(16)
    server = PageServer(page.routes, port, host, page.actions, token)
    try:
        address = server.url + (f"?token={token}" if token else "")
        print(f"{len(session.pictures)} pictures: label at {address} (Ctrl-C ends)", flush=True)
        server.serve()
    finally:
        session.close()
        server.close()


def in_terminal(session: LabelSession, columns: int) -> None:
    """Asks for one picture after the other; a key each."""
    from visuomotor.commands.keys import Keys

    order = list(session.pictures)
    at = _next(session, order, 0)
    with Keys(sys.stdin.fileno()) as keys:
        while at is not None:
            _show(session, order, at, columns)
            key = keys.read()
            if key in ("q", "end"):
                return
            try:
                following = _act(session, order, at, key)
            except DataError as error:
                print(f"  {error}", flush=True)
                broken = not session.asked(order[at])
                following = _next(session, order, at + 1) if broken else at
            at = following


def _act(session: LabelSession, order: list[str], at: int, key: str) -> int | None:
    """Does what a key asks for; returns the picture to show next, None when all were asked."""
    if key in ("left", "up"):
        return max(0, at - 1)
    if key in ("right", "down"):
        return min(len(order) - 1, at + 1)
    if key == "u":
        back = session.undo()
        return order.index(back[0]) if back else at
    if key in (" ", "s"):
        session.skip([order[at]])
    elif key.isdecimal() and 1 <= int(key) <= len(session.labels):
        session.label([order[at]], session.labels[int(key) - 1])
    else:
        return at
    return _next(session, order, at + 1)


def _next(session: LabelSession, order: list[str], start: int) -> int | None:
    """The next one that waits for a label, from the beginning after the last; None: none does."""
    indices = (*range(start, len(order)), *range(min(start, len(order))))
    return next((i for i in indices if session.asked(order[i])), None)


def _show(session: LabelSession, order: list[str], at: int, columns: int) -> None:
    """The file, the picture where columns are wanted, and the keys."""
    from visuomotor.labelling.terminal_picture import terminal_picture

    entry = session.entry(order[at])
    state = f" [{entry['label']}]" if entry["label"] else " [skipped]" if entry["skipped"] else ""
    print(f"{at + 1}/{len(order)} {entry['where']}{state}")
    if columns > 0 and not entry["broken"]:
        rich = os.environ.get("COLORTERM", "") in ("truecolor", "24bit")
        try:
            print(terminal_picture(session.look(order[at], 2 * columns), columns, _ROWS, rich))
        except DataError as error:
            print(f"  {error}")
    counts = session.counts()
    named = ", ".join(f"{i} {n} ({counts[n]})" for i, n in enumerate(session.labels, 1))
    warning = session.warning()
    print(f"  {named}, {_HELP}{f'; {warning}' if warning else ''}", flush=True)


def quiet_decoders() -> None:
    """OpenCV's own lines about broken pictures are said once, in ours."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")  # read when cv2 is imported
