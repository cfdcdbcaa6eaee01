"""`video parse`: from a video of a hand to tracks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tyro.conf import Positional

from visuomotor.commands.progress import ProgressLine
from visuomotor.errors import ConfigError

Box = tuple[float, float, float, float]


def parse(
    source: Positional[Path],
    hand: Box | None = None,
    moved: Box | None = None,
    static: Box | None = None,
    frame: int = 0,
    rate_hz: float = 12.0,
    height: int = 240,
    camera: str = "front",
    topic: str | None = None,
    masks: Path | None = None,
    moving_camera: bool = False,
    port: int = 0,
    out: Path = Path("parsed"),
) -> int:
    """Follow a hand and objects through a video, from a box around each in one frame.

    Without boxes a page opens, on this machine alone, on which you draw them. Writes
    OUT/tracks.json with the masks beside it, and OUT/overlay.mp4, in which you see whether they are
    right. Boxes are x1 y1 x2 y2 in pixels of the video scaled to `height`.

    Args:
        source: A video file (mp4), a folder of pictures, an episode of a dataset, or with --topic
            any other bag.
        hand: The hand's box, wrist onwards.
        moved: The box of the object that is moved.
        static: The box of an object that stays, where the action has one.
        frame: In which frame the boxes are, at `rate_hz`.
        rate_hz: Frames per second that are used.
        height: Pixels that larger frames are scaled to.
        camera: Of an episode, whose images.
        topic: Of a bag: sensor_msgs Image or CompressedImage.
        masks: Folder of masks that were made elsewhere (docs/real2sim.md), instead of boxes.
        moving_camera: Do not refuse a camera that moves.
        port: Of the page on which boxes are drawn; 0 takes a free one.
        out: Folder of the results.
    """
    import numpy as np

    from visuomotor.video.doubts import doubts
    from visuomotor.video.frames import read_video
    from visuomotor.video.mask_files import read_masks
    from visuomotor.video.overlay import drawn, write_video
    from visuomotor.video.parsing import parse as run
    from visuomotor.video.parsing import tracks_from
    from visuomotor.video.tracks import save_tracks

    given = {"hand": hand, "moved": moved, "static": static}
    drawn_boxes = {name: box for name, box in given.items() if box is not None}
    if drawn_boxes and not {"hand", "moved"} <= set(drawn_boxes):
        lacking = " and ".join(f"--{n}" for n in ("hand", "moved") if given[n] is None)
        raise ConfigError(
            f"{lacking}: got no box, expected x1 y1 x2 y2 in frame {frame}; without any box they "
            "are drawn on a page"
        )
    if drawn_boxes and masks is not None:
        raise ConfigError("got boxes and --masks; leave one out")
    video = read_video(source, rate_hz, height, camera, topic)
    if masks is not None:
        found = read_masks(masks, video)
        tracks = tracks_from(video, found, not moving_camera)
    else:
        if not drawn_boxes:
            frame, drawn_boxes = _ask(video.images, str(source), port)
        boxes = {name: np.array(box, float) for name, box in drawn_boxes.items()}
        with ProgressLine("parse", len(video.images)) as line:
            tracks, found = run(
                video, boxes, frame, not moving_camera, lambda t: line.step(f"frame {t}")
            )
    save_tracks(out / "tracks.json", tracks)
    write_video(drawn(video.images, found), rate_hz, out / "overlay.mp4")
    for body in found:
        seen = int(tracks.seen(body).sum())
        print(f"{body}: seen in {seen} of {tracks.frames} frames")
    for line_of_doubt in doubts(tracks):
        print(f"look again: {line_of_doubt}", file=sys.stderr)
    print(f"written: {out / 'tracks.json'}; look at {out / 'overlay.mp4'}")
    return 0


def _ask(images: Any, title: str, port: int) -> tuple[int, dict[str, Box]]:
    """The frame and the boxes that a person draws in a browser."""
    from visuomotor.console.box_page import BoxPage
    from visuomotor.console.server import PageServer

    page = BoxPage(images, ("hand", "moved"), ("static",), title)
    server = PageServer(page.routes, port, actions=page.actions)
    server.start()
    try:
        print(f"draw the boxes at {server.url} (Ctrl-C ends)", flush=True)
        while True:
            answer = page.wait(0.5)
            if answer is not None:
                return answer
    finally:
        server.close()
