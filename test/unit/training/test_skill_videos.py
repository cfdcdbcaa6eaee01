"""Videos on the way to a skill: what is there is taken, and what cannot be is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from visuomotor.cli import main
from visuomotor.commands.skill_videos import demonstrations_of
from visuomotor.errors import ConfigError, DataError
from visuomotor.video.demonstration import load_demonstration, save_demonstration
from visuomotor.video.examples import example_demonstration


def test_what_was_estimated_is_not_estimated_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "videos" / "cup" / "demonstration.npz"
    save_demonstration(place, example_demonstration("pick_up", 4))
    for given in (tmp_path / "cup.mp4", tmp_path / "cup" / "tracks.json"):
        assert demonstrations_of([given], "pick_up", tmp_path / "videos") == [place]
        assert "estimated before" in capsys.readouterr().out


def test_another_action_is_estimated_anew(tmp_path: Path) -> None:
    """Of tracks that are none, which is where it ends here."""
    place = tmp_path / "videos" / "cup" / "demonstration.npz"
    save_demonstration(place, example_demonstration("pick_up", 4))
    tracks = tmp_path / "cup" / "tracks.json"
    tracks.parent.mkdir()
    tracks.write_text("{}")
    with pytest.raises(DataError, match="not tracks"):
        demonstrations_of([tracks.parent], "push_left_to_right", tmp_path / "videos")
    assert load_demonstration(place).action == "pick_up"


def test_two_videos_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="got cup twice"):
        demonstrations_of([Path("a/cup.mp4"), Path("b/cup.mp4")], "pick_up", tmp_path)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "got no --video and no --demonstration"),
        (["--video", "cup"], "--video without --action"),
        (["--video", "cup", "--action", "pickup"], "unknown action 'pickup'; did you mean"),
    ],
    ids=["nothing", "no action", "unknown action"],
)
def test_train_skill_says_what_it_needs(
    words: list[str], text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "skill", "--out", str(tmp_path / "out"), *words]) == 2
    assert text in capsys.readouterr().err


def test_a_replay_is_of_one_thing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "again")
    assert main(["skill", "replay", "--out", out]) == 2
    assert "got both or neither" in capsys.readouterr().err
    assert main(["skill", "replay", "--out", out, "--action", "pick_up"]) == 0
    assert (tmp_path / "again" / "config.yaml").exists()
