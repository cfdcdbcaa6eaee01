"""A sitting: whatever is said in whatever order, disk and session agree, and undo undoes."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_pictures import encoded, picture

from visuomotor.errors import ConfigError, DataError, Interrupted
from visuomotor.labelling import LabelFolder, LabelSession, Picture
from visuomotor.labelling.naming import identity

LABELS = ("with", "without", "hidden")
DATA = [encoded(picture(i, 24, 32)) for i in range(4)] + [b"no picture"]
KEYS = [identity(str(i)) for i in range(len(DATA))]

ACTIONS = st.one_of(
    st.tuples(
        st.just("label"), st.lists(st.sampled_from(KEYS), min_size=1), st.sampled_from(LABELS)
    ),
    st.tuples(st.just("skip"), st.lists(st.sampled_from(KEYS), min_size=1)),
    st.tuples(st.just("undo")),
)


def session(folder: Path) -> LabelSession:
    pictures = [
        Picture(key, ("phone", str(i)), f"phone/{i}", lambda data=data: data)
        for i, (key, data) in enumerate(zip(KEYS, DATA, strict=True))
    ]
    return LabelSession(LabelFolder(folder), LABELS, pictures)


def on_disk(folder: Path) -> dict[str, str]:
    return {p.stem.rpartition("-")[2]: p.parent.name for p in folder.rglob("*") if p.is_file()}


def state(made: LabelSession) -> list[tuple[str | None, bool]]:
    entries = [made.entry(key) for key in KEYS]
    return [(e["label"], e["skipped"]) for e in entries]


@settings(max_examples=60)
@given(st.lists(ACTIONS, max_size=12))
def test_disk_and_session_agree_and_undo_takes_everything_back(
    actions: list[tuple[object, ...]],
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = session(folder)
        before = [state(made)]
        for what, *words in actions:
            broken: list[DataError] = []
            try:
                getattr(made, str(what))(*words)
            except DataError as error:
                broken.append(error)
            assert not broken or (what == "label" and KEYS[-1] in words[0])
            now = state(made)
            if what == "undo":
                if len(before) > 1:
                    before.pop()
                assert now == before[-1]
            elif now != before[-1]:
                before.append(now)
            known = {k: label for k, (label, _) in zip(KEYS, now, strict=True) if label}
            assert on_disk(folder) == known
            assert sum(made.counts().values()) == len(known)
            again = session(folder)
            assert {k for k in KEYS if not again.asked(k)} == set(known), "asked no more"
        while made.undo():
            pass
        assert on_disk(folder) == {}
        assert all(made.asked(k) for k in KEYS)


def test_a_batch_with_a_broken_picture_labels_the_others(tmp_path: Path) -> None:
    made = session(tmp_path)
    with pytest.raises(DataError, match="phone/4: 10 bytes that are no picture"):
        made.label(KEYS, "with")
    assert made.counts() == {"with": 4, "without": 0, "hidden": 0}
    assert made.entry(KEYS[4])["broken"]
    assert not made.asked(KEYS[4])


def test_nothing_is_written_after_the_end(tmp_path: Path) -> None:
    made = session(tmp_path)
    made.label(KEYS[:1], "with")
    made.close()
    for change in (lambda: made.label(KEYS[1:2], "with"), lambda: made.skip(KEYS), made.undo):
        with pytest.raises(Interrupted, match="not written"):
            change()
    assert on_disk(tmp_path) == {KEYS[0]: "with"}


def test_counts_are_of_all_that_training_will_read(tmp_path: Path) -> None:
    (tmp_path / "with").mkdir()
    (tmp_path / "with" / "by hand.PNG").write_bytes(encoded(picture(9), ".png"))
    (tmp_path / "with" / ".hidden.png").write_bytes(b"")
    made = session(tmp_path)
    assert made.counts() == {"with": 1, "without": 0, "hidden": 0}
    assert made.warning() == ""
    for i in range(29):
        (tmp_path / "with" / f"{i}.jpg").write_bytes(DATA[0])
    assert made.warning() == "uneven: 30 with; add 10 more without, 10 more hidden"


def test_wrong_words_are_refused(tmp_path: Path) -> None:
    made = session(tmp_path)
    with pytest.raises(DataError, match="expected one of with, without, hidden"):
        made.label(KEYS[:1], "wiht")
    with pytest.raises(DataError, match="no picture 'x' here"):
        made.label(["x"], "with")
    with pytest.raises(ConfigError, match="expected 2 to 9"):
        LabelSession(LabelFolder(tmp_path), ["with"], [])
    with pytest.raises(ConfigError, match="longest_px: got 3"):
        LabelSession(LabelFolder(tmp_path), LABELS, [], 3)
