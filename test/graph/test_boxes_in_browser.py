"""A person draws boxes in a real browser, and the command goes on with them."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mujoco")

from browser import browser

from visuomotor.sim.hand_video import View, render_hand_video
from visuomotor.video.overlay import write_video
from visuomotor.video.tracks import load_tracks

STAGE = """(({ x, y, width }) => [x, y, width / 426])(
  document.getElementById("stage").getBoundingClientRect())"""


def test_boxes_drawn_on_the_page_become_tracks(tmp_path: Path) -> None:
    count = 4
    hand = np.tile([-0.06, 0.0, 0.05], (count, 1))
    cube = np.tile(np.eye(4), (count, 1, 1))
    cube[:, :3, 3] = (0.05, 0.0, 0.04)
    towards = np.tile([0.8, 0.3, -0.5], (count, 1))
    made = render_hand_video(View(), hand, towards, [np.array([0.06, 0.06, 0.08])], [cube])
    write_video(made.images, 12.0, tmp_path / "push.mp4")
    words = [str(tmp_path / "push.mp4"), "--out", str(tmp_path / "out")]
    process = subprocess.Popen(
        [sys.executable, "-m", "visuomotor.cli", "video", "parse", *words],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        address = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())
        assert address is not None
        with browser(900, 700) as tab:
            tab.open(address[0])
            tab.until("document.getElementById('picture')?.naturalWidth === 426")
            assert tab.run("document.getElementById('take').disabled")
            for name, body in (("hand", "hand"), ("moved", "object 0")):
                v, u = np.nonzero(made.masks[body][0])
                left, top, scale = tab.run(STAGE)
                corners = np.array([[u.min() - 3, v.min() - 3], [u.max() + 4, v.max() + 4]])
                corners = np.clip(corners, 1, (426, 239))
                tab.draw(*(tuple(map(float, c * scale + (left, top))) for c in corners))
                tab.until(f"document.getElementById('drawn').textContent.includes('{name}')")
            tab.click("#take")
            tab.until("/taken/.test(document.getElementById('said').textContent)")
            assert tab.errors == []
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert f"hand: seen in {count} of {count} frames" in said
        assert set(load_tracks(tmp_path / "out" / "tracks.json").boxes) == {"hand", "moved"}
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(20)
