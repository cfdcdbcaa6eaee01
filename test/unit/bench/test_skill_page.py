"""The page of an action: one file, true to what it was given."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

from visuomotor.bench.real2sim.animation import animated_webp
from visuomotor.bench.real2sim.known_videos import known_video, tracks_of
from visuomotor.bench.real2sim.truth import true_states
from visuomotor.checkpoint import save_checkpoint
from visuomotor.cli import main
from visuomotor.observations import ObservationSpec
from visuomotor.policies.skill import SkillConfig, SkillNetwork
from visuomotor.video.overlay import write_video
from visuomotor.video.states import save_states
from visuomotor.video.tracks import save_tracks


class Balance(HTMLParser):
    """Tags close in order; what the page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.resources: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.resources += [v or "" for k, v in attrs if k in ("src", "href")]
        if tag not in {"meta", "img", "br", "link", "polyline", "line", "circle", "rect"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        pass

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The files of one made video of a pick-up."""
    folder = tmp_path_factory.mktemp("video")
    known, video = known_video("pick_up", 0)
    tracks = tracks_of(known, video)
    save_tracks(folder / "tracks.json", tracks)
    save_states(folder / "states.npz", true_states(known, tracks.name))
    write_video(video.images, 12.0, folder / f"{tracks.name}.mp4")
    return folder


SMALL = ("--height", "80")


def page(folder, out, *words):
    files = ["--states", str(folder / "states.npz"), "--tracks", str(folder / "tracks.json")]
    return main(["skill", "page", "--action", "pick_up", *files, *words, "--out", str(out), *SMALL])


def test_the_page_stands_alone_and_says_what_it_was_given(files, tmp_path, capsys) -> None:
    score = {"action": "pick_up", "benchmark": "hard", "starts": 1000, "success": 0.75}
    (tmp_path / "hard.json").write_text(json.dumps({**score, "interval_95": [0.72, 0.78]}))
    source = str(next(files.glob("*.mp4")))
    words = ("--source", source, "--scores", str(tmp_path / "hard.json"))
    assert page(files, tmp_path / "page.html", *words) == 0
    assert "page: " in capsys.readouterr().out
    text = (tmp_path / "page.html").read_text()
    checked = Balance()
    checked.feed(text)
    assert checked.open == []
    assert len(checked.resources) == 3
    assert all(r.startswith("data:image/webp;base64,") for r in checked.resources)
    assert "1 of 1" in text
    assert "75%" in text
    assert len(re.findall(r"<li class=", text)) == 9
    assert '<li class="yes label">✓ pick up</li>' in text
    assert "still is</span> the action" in text
    assert len(text) < 3_000_000


def test_what_does_not_belong_together_is_told(files, tmp_path, capsys) -> None:
    out = tmp_path / "page.html"
    assert main(["skill", "page", "--action", "pick_up", "--out", str(out)]) == 2
    assert "got neither --states nor --checkpoint" in capsys.readouterr().err
    (tmp_path / "hard.json").write_text("{}")
    assert page(files, out, "--scores", str(tmp_path / "hard.json")) == 2
    assert "not what `skill eval --out` writes" in capsys.readouterr().err
    assert page(files, out, "--rollouts", "0") == 2
    assert "--rollouts: got 0" in capsys.readouterr().err
    assert not out.exists()


def test_boxes_alone_stand_for_the_input(files, tmp_path) -> None:
    assert page(files, tmp_path / "page.html") == 0
    text = (tmp_path / "page.html").read_text()
    assert text.count("data:image/webp") == 3
    assert "The skill" not in text


def test_rollouts_of_a_skill_are_shown_as_they_went(files, tmp_path, capsys) -> None:
    """An untrained one: it solves nothing, and the page says so."""
    config = SkillConfig("pick_up", hidden=(8,))
    torch.manual_seed(0)
    network, spec = SkillNetwork(config, 1), ObservationSpec(objects=("object",))
    save_checkpoint(tmp_path / "skill", "skill", config, network.state_dict(), {}, spec, "Random.")
    words = ("--checkpoint", str(tmp_path / "skill"), "--rollouts", "1")
    out = tmp_path / "page.html"
    assert main(["skill", "page", "--action", "pick_up", *words, "--out", str(out)]) == 0
    text = out.read_text()
    assert text.count("data:image/webp") == 2
    assert "easy: 0 of these 1" in text
    assert text.count("not solved</span>") == 2
    assert main(["skill", "page", "--action", "93", *words, "--out", str(out)]) == 2
    assert "its action is pick_up, expected push_left_to_right" in capsys.readouterr().err


def test_an_animation_is_a_webp_that_repeats() -> None:
    images = np.stack([np.full((40, 60, 3), 40 * t, np.uint8) for t in range(6)])
    data = animated_webp(images, 12.0)
    assert data[:4] == b"RIFF"
    assert b"ANIM" in data[:64]
    assert data.count(b"ANMF") == 6
