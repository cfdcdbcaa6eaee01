"""The dataset as the page lists and changes it."""

from pathlib import Path

import pytest

from visuomotor.bench.dataset import write_synthetic
from visuomotor.console.episode_list import EpisodeList
from visuomotor.errors import DataError
from visuomotor.recording import find_episodes, label, load_sidecar


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    write_synthetic(tmp_path, 3, 6, sizes={"front": (12, 16)})
    return tmp_path


def names(rows: list[dict[str, object]]) -> list[object]:
    return [row["name"] for row in rows]


def test_the_newest_comes_first_with_what_its_sidecar_says(dataset: Path) -> None:
    episodes = EpisodeList(dataset)
    paths = find_episodes(dataset)
    rows = episodes.rows()["episodes"]
    assert names(rows) == [f"{p.parent.name}/{p.name}" for p in reversed(paths)]
    assert rows[0]["sets"] == 6
    label(paths[-1], "failure", operator="eve")
    newest = episodes.rows()["episodes"][0]
    assert (newest["outcome"], newest["operator"]) == ("failure", "eve"), "read again"


def test_a_change_is_seen_at_once_and_can_be_taken_back(dataset: Path) -> None:
    episodes = EpisodeList(dataset)
    path = find_episodes(dataset)[1]
    name = f"{path.parent.name}/{path.name}"
    episodes.change(name, "label", "failure")
    assert load_sidecar(path).outcome == "failure"
    episodes.change(name, "discard")
    rows = episodes.rows()
    assert names(rows["trash"]) == [name]
    assert name not in names(rows["episodes"])
    assert rows["trash"][0]["outcome"] == "failure"
    episodes.change(name, "restore")
    assert name in names(episodes.rows()["episodes"])
    assert episodes.rows()["trash"] == []


@pytest.mark.parametrize(
    "name", ["", "../../etc", "lift/../../x", "/", ".trash/lift", "bench/none", "bench"]
)
@pytest.mark.parametrize("change", ["label", "discard", "restore"])
def test_only_listed_names_are_touched(dataset: Path, name: str, change: str) -> None:
    before = sorted(dataset.rglob("*"))
    with pytest.raises(DataError, match="not there any more"):
        EpisodeList(dataset).change(name, change, "success")
    assert sorted(dataset.rglob("*")) == before


def test_nonsense_is_refused_by_name(dataset: Path) -> None:
    episodes = EpisodeList(dataset)
    name = str(episodes.rows()["episodes"][0]["name"])
    with pytest.raises(DataError, match="unknown change 'delete'"):
        episodes.change(name, "delete")
    with pytest.raises(DataError, match="outcome: got 'fine'"):
        episodes.change(name, "label", "fine")


def test_what_cannot_be_read_is_told_and_no_folder_is_no_error(dataset: Path) -> None:
    bad = find_episodes(dataset)[0]
    (bad / "episode.yaml").write_text("tusk: lift\n")
    (dataset / "bench" / "x.partial").mkdir()
    rows = EpisodeList(dataset).rows()
    assert "did you mean 'task'" in rows["episodes"][-1]["error"]
    assert rows["partial"] == ["bench/x.partial"]
    assert EpisodeList(dataset / "none").rows()["episodes"] == []
