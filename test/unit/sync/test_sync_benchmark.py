from __future__ import annotations

import json
from pathlib import Path

import pytest

from visuomotor.bench import sync


@pytest.mark.parametrize("loss", [0.0, 0.05, 0.2])
def test_every_set_that_could_be_is_emitted(loss: float) -> None:
    recording = sync.simulate(loss, seed=99)
    synchroniser, _ = sync.feed(recording)
    assert recording.possible > 100
    assert synchroniser.stats(0).emitted == recording.possible


def test_the_result_file_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "SECONDS", 2)
    result = sync.run(tmp_path)
    assert json.loads((tmp_path / "sync.json").read_text()) == result
    assert result["figures"]["loss_0%"]["fraction"] == 1.0
