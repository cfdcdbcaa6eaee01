"""Predicted phases beside labelled ones: their overlap, and what the states then satisfy."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from visuomotor.bench.real2sim.phase_setups import (
    PhasedVideo,
    compare_setups,
    figures,
    judge,
    page,
    phased_videos,
)
from visuomotor.bench.results import save_result
from visuomotor.cli import main
from visuomotor.errors import DataError
from visuomotor.video.actions import find_action
from visuomotor.video.estimation import EstimationSettings
from visuomotor.video.phases import overlap, predict_phases
from visuomotor.video.tracks import Phases, Tracks, save_tracks

ACTION = find_action("push_left_to_right")


def tracks(name: str, still: bool = False) -> Tracks:
    """A hand comes from the left and pushes a box for frames 10 to 30."""
    x = 150 + 4.0 * np.clip(np.arange(40) - 10, 0, 0 if still else 20)
    hand = np.where(np.arange(40) < 10, x - 60 - 8 * (10 - np.arange(40)), x - 60)
    hand = np.where(np.arange(40) > 30, hand - 8 * (np.arange(40) - 30), hand)
    boxes = {
        "hand": np.stack([hand, np.full(40, 100.0), hand + 60, np.full(40, 150.0)], 1),
        "moved": np.stack([x, np.full(40, 100.0), x + 50, np.full(40, 140.0)], 1),
    }
    boxes["hand"][:, [0, 2]] = np.clip(boxes["hand"][:, [0, 2]], 0, 427)
    boxes["hand"][boxes["hand"][:, 2] - boxes["hand"][:, 0] < 5] = np.nan
    return Tracks(name, 12.0, (427, 240), boxes, None, Phases((0, 10), (10, 30), (30, 40)))


def write(folder: Path, *some: Tracks) -> tuple[Path, Path]:
    for one in some:
        save_tracks(folder / "tracks" / f"{one.name}.json", replace(one, phases=None))
    lines = [f"{one.name},{ACTION.identifier},1-10,11-30,31-40" for one in some]
    lines.append(f"absent,{ACTION.identifier},1-10,11-30,31-40")
    (folder / "phases.csv").write_text(
        "\n".join(["video_id,action_id,approach,action,leave", *lines]) + "\n"
    )
    return folder / "tracks", folder / "phases.csv"


def test_labels_are_those_of_the_table_and_what_lacks_tracks_is_counted(tmp_path: Path) -> None:
    videos, lacking = phased_videos(*write(tmp_path, tracks("a"), tracks("b")))
    assert [v.tracks.name for v in videos] == ["a", "b"]
    assert lacking == 1
    assert videos[0].tracks.phases == tracks("a").phases
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="has none of the 3 videos"):
        phased_videos(tmp_path / "empty", tmp_path / "phases.csv")


def test_overlap_is_of_the_predicted_action() -> None:
    video = PhasedVideo(tracks("a"), ACTION)
    row = judge(video, None, estimated=False)
    predicted = predict_phases(video.tracks).action
    assert row["overlap"] == pytest.approx(overlap(predicted, (10, 30)), abs=1e-4)
    assert row["overlap"] > 0.7
    assert row["satisfies"] == {}
    lost = judge(PhasedVideo(tracks("b", still=True), ACTION), None, estimated=False)
    assert (lost["overlap"], lost["unpredicted"]) == (0.0, True)


def test_states_are_judged_under_both_setups_and_kept(tmp_path: Path) -> None:
    videos = [PhasedVideo(tracks("a"), ACTION)]
    settings = EstimationSettings(iterations=2, azimuths_rad=(0.0,), hand_lengths_m=(0.15,))
    found = compare_setups(videos, tmp_path / "parts", settings)
    assert set(found["rows"][0]["satisfies"]) == {"given", "predicted", "evidence"}
    (file,) = (tmp_path / "parts").iterdir()
    row = {**found["rows"][0], "satisfies": {"given": [ACTION.name], "predicted": []}}
    file.write_text(json.dumps([row]))
    again = compare_setups(videos, tmp_path / "parts", settings)
    assert (again["satisfied_given"], again["satisfied_predicted"]) == (1, 0)
    assert again["digest"] == found["digest"]
    result = save_result(tmp_path / "results.json", again, "y", "run")
    assert "| **all** | 1 |" in page(result)
    other = [PhasedVideo(tracks("a", still=True), ACTION)]
    assert compare_setups(other, tmp_path / "parts", settings, False)["digest"] != found["digest"]


def test_figures_and_page_tell_what_satisfies_its_own_action() -> None:
    def row(overlap: float, given: list[str], predicted: list[str] | None) -> dict[str, object]:
        satisfies = {"given": given, "predicted": predicted}
        return {"action": ACTION.name, "overlap": overlap, "satisfies": satisfies}

    rows = [row(0.9, [ACTION.name, "pick_up"], [ACTION.name]), row(0.8, ["pick_up"], None)]
    found = figures(rows)
    assert found["mean_overlap"] == pytest.approx(0.85)
    assert (found["satisfied_given"], found["satisfied_predicted"]) == (1, 1)
    result = {
        "figures": {"digest": "abc", **found},
        "machine": {"cpu": "x", "cores": 2},
        "commit": "c",
        "command": "run",
        "limited_by": "y",
    }
    text = page(result)
    assert "| **all** | 2 | 0.85 | 1 of 2" in text
    assert found["satisfies"] == {ACTION.name: 1, "pick_up": 2}
    (line,) = [x for x in text.splitlines() if x.startswith(f"| {ACTION.name} |") and "of" not in x]
    assert line.count("| 1 |") == 1
    assert line.count("| 2 |") == 1
    assert "overlap 0.81 (met)" in text


def test_the_command_writes_result_and_page_without_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    boxes, labels = write(tmp_path, tracks("secret"))
    out = tmp_path / "results" / "setups.json"
    options = ["video", "phases", str(boxes), "--phases", str(labels), "--out", str(out)]
    assert main([*options, "--no-estimate"]) == 0
    assert "1 videos with labelled phases; 1 more have no tracks" in capsys.readouterr().out
    text = out.read_text()
    assert "secret" not in text
    assert str(tmp_path) not in text
    assert json.loads(text)["figures"]["by_action"][ACTION.name]["videos"] == 1
    assert "| **all** | 1 |" in out.with_suffix(".md").read_text()
    assert "# Phases given, and phases predicted" in out.with_suffix(".md").read_text()
    assert not out.with_suffix("").exists()
