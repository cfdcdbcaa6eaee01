"""The policy node with one more family, `slow`: a pointbc checkpoint that takes WAIT_S a pass.

While there is a file `hang` in its folder a pass does not end, and while there is one `broken` its
chunks end in NaN. Run as a program it is that node; write_slow_policy makes a checkpoint for it.
"""

import time
from pathlib import Path

import torch

from visuomotor.checkpoint import Checkpoint, save_checkpoint
from visuomotor.contracts import ActionChunk, Observation
from visuomotor.nodes import policy as node
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies import FAMILIES, LoadedPolicy, pointbc
from visuomotor.policies.pointbc import PointBCConfig
from visuomotor.policies.pointbc.network import PointBCNetwork, Scales

WAIT_S = 0.15
CHUNK = 8


class SlowPolicy:
    """The policy inside, later."""

    def __init__(self, inside: LoadedPolicy, folder: Path) -> None:
        self.spec, self._inside, self._folder = inside.spec, inside, folder

    def reset(self) -> None:
        self._inside.reset()

    def act(self, observation: Observation) -> ActionChunk:
        time.sleep(WAIT_S)
        while (self._folder / "hang").exists():
            time.sleep(0.02)
        chunk = self._inside.act(observation)
        if (self._folder / "broken").exists():
            chunk.poses[-1, 0, 3] = float("nan")
        return chunk


def load(checkpoint: Checkpoint, folder: Path) -> SlowPolicy:
    return SlowPolicy(pointbc.load(checkpoint, folder), folder)


def write_slow_policy(folder: Path, *cameras: str, chunk: int = CHUNK) -> Path:
    """Random weights; chunks of so many actions of some millimetres."""
    torch.manual_seed(0)
    config = PointBCConfig(points=100, layers=(8, 16), hidden=(8,), chunk=chunk)
    scales = Scales(
        torch.tensor([0.005, 0.005, 0.005, 0.01, 0.01, 0.01]).repeat(chunk, 1),
        torch.tensor([0.01, 0.07]),
        torch.tensor([0.01, 0.05]).repeat(chunk, 1),
    )
    spec = ObservationSpec(tuple(CameraSpec(c, 30, 40) for c in cameras))
    weights = PointBCNetwork(config).state_dict()
    save_checkpoint(folder, "slow", config, weights, scales.tensors(), spec, "Random.\n")
    return folder


if __name__ == "__main__":
    FAMILIES["slow"] = "slow_policy"
    node.main()
