"""`weak ...`: pictures with and without an object, labelled, snapped and judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg


def label(
    sources: Positional[tuple[Path, ...]],
    out: Path = Path("weak"),
    labels: tuple[str, ...] = ("with", "without"),
    camera: str = "",
    every_s: float = 2.0,
    longest_px: int = 640,
    keyboard: bool = False,
    columns: int = 72,
    port: int = 8012,
    host: str = "127.0.0.1",
    token: str = "",
) -> int:
    """Label pictures of folders and bags, a key each, in a browser or in the terminal.

    Each label is on disk at once, as OUT/LABEL/*.jpg; run it again to go on where you stopped.

    Args:
        sources: Images, folders of them, bags, episodes or whole datasets.
        out: Folder of the labelled pictures; the sources stay as they are.
        labels: Two to nine, for the keys 1 to 9.
        camera: Of bags, whose frames: its name or topic; needed where there are several.
        every_s: Of bags, one frame in so many seconds.
        longest_px: Larger pictures are written with a longest side of so much; 0: as they are.
        keyboard: Ask in this terminal instead, where no browser is at hand.
        columns: With --keyboard, the width of the picture drawn in characters; 0: none.
        port: Of the page; 0: any that is free.
        host: Address to serve at; anything but this machine's own lets others with the token in.
        token: What others need to be let in; empty: one is made and printed.
    """
    from visuomotor.commands.weak_label import in_browser, in_terminal, open_session

    with open_session(sources, out, labels, camera, every_s, longest_px) as session:
        if keyboard:
            in_terminal(session, columns)
        else:
            title = ", ".join(path.resolve().name for path in sources)
            in_browser(session, title, port, host, token)
    return 0


def capture(
    camera: tuple[str, ...] = ("front",),
    label: str = "with",
    labels: tuple[str, ...] = ("with", "without"),
    out: Path = Path("weak"),
    every_s: float = 0.0,
    source: Literal["raw", "synced"] = "raw",
    longest_px: int = 640,
) -> int:
    """Snap labelled pictures from running cameras, at a key, at intervals or at a service call.

    Space or Enter snaps, 1 to 9 choose the label, q ends; `visuomotor call weak/snap` snaps, too.

    Args:
        camera: The cameras' names, or whole topics of images.
        label: Of the first pictures.
        labels: What the keys 1 to 9 choose.
        out: Folder of the labelled pictures; nothing in it is overwritten.
        every_s: Also snap by itself, this often; 0: only when told.
        source: raw takes the drivers' streams, synced those of rgbd_sync.
        longest_px: Larger pictures are written with a longest side of so much; 0: as they are.
    """
    from visuomotor.commands.weak_capture import run_capture

    values = {
        "cameras": list(camera),
        "label": label,
        "folder": str(out),
        "every_s": every_s,
        "source": source,
        "longest_px": longest_px,
    }
    run_capture(values, labels)
    return 0


def check(folder: Positional[Path], as_json: Annotated[bool, arg(name="json")] = False) -> int:
    """Count and judge labelled pictures: will they serve for training, and what to add.

    Exit code 1 where they will not serve.

    Args:
        folder: The folder, with a folder per label in it.
        as_json: Print all of it as JSON.
    """
    from visuomotor.commands.progress import ProgressLine
    from visuomotor.commands.weak_label import quiet_decoders

    quiet_decoders()
    from visuomotor.labelling import check_folder
    from visuomotor.labelling.report import as_values, report_lines
    from visuomotor.labelling.verdict import judge

    if as_json:
        report = check_folder(folder)
    else:
        with ProgressLine("pictures", 0, every_s=5.0) as line:
            report = check_folder(folder, lambda done, total: line.to(done, total=total))
    verdict = judge(report)
    if as_json:
        print(json.dumps(as_values(report, verdict), indent=1))
    else:
        print("\n".join(report_lines(report, verdict)))
    return int(verdict.serves == "no")
