import json
from pathlib import Path

import pytest

from visuomotor.bench.stages import Stages


def test_a_complete_stage_runs_once_and_again_when_its_inputs_change(tmp_path: Path) -> None:
    stages, runs = Stages(tmp_path), []

    def work() -> str:
        runs.append(1)
        return "worked"

    stages.run("a", {"n": 1}, work)
    Stages(tmp_path).run("a", {"n": 1}, work)
    assert len(runs) == 1
    stages.run("a", {"n": 2}, work)
    assert len(runs) == 2


def test_an_interrupted_stage_runs_again_and_its_seconds_add_up(tmp_path: Path) -> None:
    stages = Stages(tmp_path)

    def interrupted() -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stages.run("a", {}, interrupted)
    marker = tmp_path / "stages" / "a.json"
    record = json.loads(marker.read_text())
    assert not record["complete"]
    marker.write_text(json.dumps({**record, "seconds": 100.0}))
    stages.run("a", {}, lambda: "done")
    assert json.loads(marker.read_text())["complete"]
    assert stages.seconds()["a"] >= 100.0
