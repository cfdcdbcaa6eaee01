"""The state of an unfinished run, so that a killed one goes on: safetensors and YAML."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from visuomotor import ranks
from visuomotor.checkpoint import load_tensors, save_tensors, sub_tensors
from visuomotor.config import read_yaml, save_yaml
from visuomotor.errors import CheckpointError

FOLDER = "state"


def inputs_key(values: Mapping[str, Any]) -> str:
    """A key of everything that decides a run's result; another key starts afresh."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()


class TrainingState:
    """Saves and restores step, weights and Adam's moments below `<out>/state/`.

    Random numbers need no state: every step seeds its own generators from (seed, step).
    """

    def __init__(self, out: Path, key: str) -> None:
        self._folder, self._key = out / FOLDER, key

    def save(self, step: int, model: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        """Replaces the saved state; a kill in the middle leaves the old one.

        Of processes that train together the first writes.
        """
        if not ranks.first():
            return
        tensors = {f"model.{k}": t for k, t in model.state_dict().items()}
        for i, moments in optimiser.state_dict()["state"].items():
            tensors.update({f"optimiser.{i}.{k}": torch.as_tensor(v) for k, v in moments.items()})
        self._folder.mkdir(parents=True, exist_ok=True)
        for old in self._folder.glob("*.safetensors"):
            if old.stem != str(self._saved_step()):
                old.unlink()
        save_tensors(tensors, self._folder / f"{step}.safetensors")
        temporary = self._folder / ".state.yaml"
        save_yaml({"step": step, "key": self._key}, temporary)
        temporary.replace(self._folder / "state.yaml")

    def restore(self, model: nn.Module, optimiser: torch.optim.Optimizer) -> int:
        """Puts a saved state of the same run back; the step it was saved after, else 0."""
        step = self._saved_step()
        path = self._folder / f"{step}.safetensors"
        if step == 0 or not path.exists():
            return 0
        try:
            tensors = load_tensors(path)
            model.load_state_dict(sub_tensors(tensors, "model."))
        except (CheckpointError, RuntimeError):
            return 0  # damaged: train again from the start
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in sub_tensors(tensors, "optimiser.").items():
            index, key = name.split(".", 1)
            state.setdefault(int(index), {})[key] = tensor
        whole = optimiser.state_dict()
        optimiser.load_state_dict({**whole, "state": state})
        return step

    def clear(self) -> None:
        """Removes the state of a run that is complete, when all processes are."""
        if ranks.first():
            shutil.rmtree(self._folder, ignore_errors=True)
        ranks.wait()

    def _saved_step(self) -> int:
        path = self._folder / "state.yaml"
        if not path.exists():
            return 0
        saved = read_yaml(path)
        return int(saved.get("step", 0)) if saved.get("key") == self._key else 0
