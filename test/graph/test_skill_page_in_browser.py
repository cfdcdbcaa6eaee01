"""The page of an action in a real browser: everything on it is shown, and nothing is asked for."""

import os
from pathlib import Path

import pytest

pytest.importorskip("mujoco")
pytest.importorskip("torch")

from browser import browser

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
MOVES = """(async () => {
  const canvas = document.createElement("canvas"), image = document.images[2];
  canvas.width = canvas.height = 64;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const look = () => {
    context.drawImage(image, 0, 0, 64, 64);
    return context.getImageData(0, 0, 64, 64).data.join();
  };
  const first = look();
  for (let i = 0; i < 100; i++) {
    await new Promise(done => setTimeout(done, 50));
    if (look() !== first) return true;
  }
  return false;
})()"""


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
    assert main(["skill", "page", "--action", "put_onto", *words]) == 0
    for width in (1400, 420):
        with browser(width, 900) as tab:
            tab.open(out.as_uri())
            tab.until(LOADED)
            assert tab.run("document.querySelectorAll('.chips li').length") == 9
            assert tab.run("document.documentElement.scrollWidth") <= width
            assert [r for r in tab.requests if not r.startswith(("file:", "data:"))] == []
            assert tab.errors == []
            if width == 1400:
                assert tab.run(MOVES), "the pictures move"
            if folder := os.environ.get("VISUOMOTOR_PICTURES"):
                tab.picture(Path(folder) / f"skill_page_{width}.png")
