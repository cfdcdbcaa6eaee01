"""The page of an action in a real browser: everything on it is shown, and nothing is asked for."""

import os
from pathlib import Path

import pytest

pytest.importorskip("mujoco")
pytest.importorskip("torch")

from browser import browser
from browser_tab import Tab

from visuomotor.bench.real2sim.known_videos import known_video, tracks_of
from visuomotor.bench.real2sim.truth import true_states
from visuomotor.checkpoint import save_checkpoint
from visuomotor.cli import main
from visuomotor.observations import ObservationSpec
from visuomotor.policies.skill import SkillConfig, SkillNetwork
from visuomotor.video.states import save_states
from visuomotor.video.tracks import save_tracks

LOADED = """[...document.images].length === 5
  && [...document.images].every(i => i.complete && i.naturalWidth > 100)"""


def moves(tab: Tab) -> bool:
    """Whether what is seen changes by itself, within some seconds."""
    first = tab.tell("Page.captureScreenshot", format="png")["data"]
    for _ in range(100):
        if tab.tell("Page.captureScreenshot", format="png")["data"] != first:
            return True
    return False


def test_the_page_is_whole_and_asks_for_nothing(tmp_path: Path) -> None:
    known, video = known_video("put_onto", 2)
    tracks = tracks_of(known, video)
    save_tracks(tmp_path / "tracks.json", tracks)
    save_states(tmp_path / "states.npz", true_states(known, tracks.name))
    config, spec = SkillConfig("put_onto", hidden=(8,)), ObservationSpec(objects=("object",))
    weights = SkillNetwork(config, 2).state_dict()
    save_checkpoint(tmp_path / "skill", "skill", config, weights, {}, spec, "Random.")
    out = tmp_path / "page.html"
    words = ["--states", str(tmp_path / "states.npz"), "--tracks", str(tmp_path / "tracks.json")]
    words += ["--checkpoint", str(tmp_path / "skill"), "--rollouts", "1", "--out", str(out)]
    words += ["--height", "100"]
    assert main(["skill", "page", "--action", "put_onto", *words]) == 0
    with browser(1400, 900) as tab:
        tab.open(out.as_uri())
        tab.until(LOADED)
        assert tab.run("document.querySelectorAll('.chips li').length") == 9
        assert moves(tab)
        for width in (1400, 420):
            tab.tell(
                "Emulation.setDeviceMetricsOverride",
                width=width,
                height=900,
                deviceScaleFactor=1,
                mobile=False,
            )
            tab.until(f"innerWidth === {width}")
            assert tab.run("document.documentElement.scrollWidth") <= width
            if folder := os.environ.get("VISUOMOTOR_PICTURES"):
                tab.picture(Path(folder) / f"skill_page_{width}.png")
        assert [r for r in tab.requests if not r.startswith(("file:", "data:"))] == []
        assert tab.errors == []
