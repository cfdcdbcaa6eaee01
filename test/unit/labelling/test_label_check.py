"""`weak check`: what is broken, turned, the same, uneven or too little is said."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_pictures import encoded, held, picture

from visuomotor.cli import main
from visuomotor.labelling import check_folder
from visuomotor.labelling.balance import MOST_TO_ONE, imbalance
from visuomotor.labelling.check import FolderReport, LabelReport
from visuomotor.labelling.likeness import look_hash, near_groups
from visuomotor.labelling.verdict import ENOUGH, FEW, judge


def noisy(rgb: np.ndarray, seed: int) -> np.ndarray:
    """The same picture a moment later: noise, a little darker, a little smaller."""
    noise = np.random.default_rng(seed).normal(0, 4, rgb.shape)
    changed = np.clip(0.92 * rgb + noise, 0, 255).astype(np.uint8)
    return cv2.resize(changed, None, fx=0.9, fy=0.9, interpolation=cv2.INTER_AREA)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """20 different pictures of each label, and among those with it everything that is wrong."""
    for label, first in (("with", 0), ("without", 100)):
        (tmp_path / label).mkdir()
        for i in range(first, first + 20):
            (tmp_path / label / f"{i:03d}.jpg").write_bytes(encoded(picture(i)))
    there = tmp_path / "with"
    turned = np.ascontiguousarray(np.rot90(picture(0), 1))
    (there / "turned.jpg").write_bytes(held(encoded(turned), 6))
    for i in range(3):
        (there / f"burst{i}.jpg").write_bytes(encoded(noisy(picture(1), i)))
    (there / "half.jpg").write_bytes(encoded(picture(50))[:2000])
    (there / "page.jpg").write_bytes(b"<html>")
    (there / "IMG.HEIC").write_bytes(b"")
    (tmp_path / "lost.png").write_bytes(encoded(picture(60), ".png"))
    (tmp_path / "without" / "copy.jpg").write_bytes((there / "007.jpg").read_bytes())
    return tmp_path


def test_everything_wrong_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = check_folder(folder)
    with_it = report.labels["with"]
    assert with_it.images == 24
    assert with_it.distinct == 20
    assert sorted(map(sorted, with_it.alike)) == [
        ["000.jpg", "turned.jpg"],
        ["001.jpg", *(f"burst{i}.jpg" for i in range(3))],
    ]
    assert with_it.sizes == {(128, 96): 21, (115, 86): 3}, "upright"
    assert set(report.broken) == {"with/half.jpg", "with/page.jpg"}
    assert report.twice == (("with/007.jpg", "without/copy.jpg"),)
    assert report.ignored == ("lost.png", "with/IMG.HEIC")

    assert main(["weak", "check", str(folder)]) == 1
    said = capsys.readouterr().out
    for words in (
        "broken: with/half.jpg: a JPEG that breaks off",
        "broken: with/page.jpg: 6 bytes that are no picture",
        "two labels: with/007.jpg and without/copy.jpg",
        "not read: lost.png",
        "will not serve for training: 41 different pictures",
        "decide on one label for 1 picture with two",
        "759 more pictures",
    ):
        assert words in said
    assert main(["weak", "check", str(folder), "--json"]) == 1
    values = json.loads(capsys.readouterr().out)
    assert values["serves"] == "no"
    assert values["labels"]["with"]["distinct"] == 20


def test_a_folder_without_pictures_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        assert main(["weak", "check", str(path)]) == 2
        assert "expected <folder>/<label>/*.jpg" in capsys.readouterr().err


@given(st.lists(st.integers(0, 2**64 - 1), max_size=40), st.integers(0, 64))
def test_groups_hold_only_what_is_near_their_first_and_miss_nothing(
    hashes: list[int], within: int
) -> None:
    def apart(a: int, b: int) -> int:
        return (hashes[a] ^ hashes[b]).bit_count()

    groups = near_groups(hashes, within)
    followers = [i for group in groups for i in group[1:]]
    assert len(set(followers)) == len(followers)
    for group in groups:
        assert all(apart(group[0], i) <= within for i in group[1:])
        assert group == sorted(group)
    stand = [i for i in range(len(hashes)) if i not in followers]
    assert all(apart(a, b) > within for a in stand for b in stand if a < b)
    assert [len(g) for g in groups] == sorted((len(g) for g in groups), reverse=True)


def test_many_pictures_are_compared_across_blocks() -> None:
    rng = np.random.default_rng(0)
    hashes = [int(h) for h in rng.integers(0, 2**63, 1500)]
    hashes += [h ^ 1 for h in hashes[::100]]
    assert sorted(near_groups(hashes)) == [[i, 1500 + i // 100] for i in range(0, 1500, 100)]


@pytest.mark.parametrize("seed", range(8))
def test_the_same_picture_is_near_and_others_are_far(seed: int) -> None:
    one = look_hash(picture(seed))
    for other in (noisy(picture(seed), 3), np.ascontiguousarray(picture(seed, 480, 640))):
        assert (one ^ look_hash(other)).bit_count() <= 6
    far = [(one ^ look_hash(picture(1000 + i))).bit_count() for i in range(20)]
    assert min(far) > 6


@given(st.dictionaries(st.sampled_from("abcdefghi"), st.integers(0, 5000), min_size=2))
def test_what_is_told_to_be_added_makes_labels_even(counts: dict[str, int]) -> None:
    said = imbalance(counts)
    if sum(counts.values()) < 20:
        assert said == ""
        return
    uneven = max(counts.values()) > MOST_TO_ONE * min(counts.values())
    assert bool(said) == uneven
    if said:
        added = dict(counts)
        for words in said.partition("add ")[2].split(", "):
            n, _, label = words.partition(" more ")
            added[label] += int(n)
        assert imbalance(added) == ""


def reported(*distinct: int, size: tuple[int, int] = (64, 48)) -> FolderReport:
    labels = {f"l{i}": LabelReport(n, {size: n}, ()) for i, n in enumerate(distinct)}
    return FolderReport(Path("weak"), labels, {}, (), ())


@pytest.mark.parametrize(
    ("report", "serves"),
    [
        (reported(FEW // 2 - 1, FEW // 2), "no"),
        (reported(FEW // 2, FEW // 2), "somewhat"),
        (reported(ENOUGH // 2, ENOUGH // 2 - 1), "somewhat"),
        (reported(ENOUGH // 2, ENOUGH // 2), "yes"),
        (reported(4 * ENOUGH, ENOUGH // 2), "somewhat"),
        (reported(5000, 0), "no"),
        (reported(5000), "no"),
    ],
    ids=lambda v: v if isinstance(v, str) else "-".join(str(r.images) for r in v.labels.values()),
)
def test_the_verdict_follows_the_papers_figures(report: FolderReport, serves: str) -> None:
    verdict = judge(report)
    assert verdict.serves == serves
    assert bool(verdict.add) == (serves != "yes"), "what to do about it"


def test_a_camera_of_its_own_for_a_label_is_a_warning() -> None:
    labels = {"with": (4000, 3000), "without": (640, 480)}
    report = FolderReport(
        Path("weak"), {n: LabelReport(500, {s: 500}, ()) for n, s in labels.items()}, {}, (), ()
    )
    assert "learns which camera" in judge(report).add[0]
    assert judge(report).serves == "somewhat"


def test_pictures_of_all_sizes_tell_no_camera() -> None:
    labels = {
        name: LabelReport(500, {(200 + 2 * i + k, 100): 1 for i in range(500)}, ())
        for k, name in enumerate(("with", "without"))
    }
    assert judge(FolderReport(Path("weak"), labels, {}, (), ())).serves == "yes"


@pytest.mark.parametrize(("tall", "serves"), [(250, "yes"), (251, "somewhat"), (500, "somewhat")])
def test_the_same_camera_held_upright_is_no_other_camera_but_loses_a_part(
    tall: int, serves: str
) -> None:
    turned = LabelReport(500, {(480, 640): tall, (640, 480): 500 - tall}, ())
    labels = {"with": turned, "without": LabelReport(500, {(640, 480): 500}, ())}
    verdict = judge(FolderReport(Path("weak"), labels, {}, (), ()))
    assert verdict.serves == serves
    assert [text.partition(" are")[0] for text in verdict.add] == (
        [f"{tall} of 1000"] if serves != "yes" else []
    )
