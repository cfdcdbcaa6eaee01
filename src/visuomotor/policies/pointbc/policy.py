"""The policy that the runtime calls: observation in, a chunk of actions out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from visuomotor.checkpoint import Checkpoint, load_into
from visuomotor.config import from_mapping
from visuomotor.contracts import ActionChunk, Float64, Observation
from visuomotor.descriptors.model import views_of
from visuomotor.geometry import apply_delta, pose_delta
from visuomotor.observations import ObservationSpec
from visuomotor.policies.pointbc.cloud import crop_clouds, spread_choice
from visuomotor.policies.pointbc.config import PointBCConfig
from visuomotor.policies.pointbc.network import PointBCNetwork, Scales
from visuomotor.policies.steps import shortened_deltas

SHOWN = 32
"""So many points of the cloud are drawn: those that decided most."""


class PointBCPolicy:
    """What it sees decides alone, but for the width that it keeps while it sees nothing."""

    def __init__(self, network: PointBCNetwork, scales: Scales, spec: ObservationSpec) -> None:
        self.spec = spec
        self._network, self._scales = network.eval(), scales
        self._width_m: float | None = None

    def reset(self) -> None:
        """Forgets the width."""
        self._width_m = None

    @torch.inference_mode()
    def act(self, observation: Observation) -> ActionChunk:
        """A chunk; info holds the points that decided, `keypoints` (K, 3) in base, K <= SHOWN.

        `confidence` (K,) is how many of the PointNet's channels each won, relative to the first.
        Where no point is left after the crop, the chunk holds pose and width.
        """
        T_base_ee, config = observation.T_base_ee, self._network.config
        cameras = [views_of([observation.views[name]]) for name in self.spec.names]
        width_m = np.array([observation.gripper_width_m])
        cloud = crop_clouds(cameras, T_base_ee[None], width_m, config.cloud)[0]
        cloud = cloud[spread_choice(len(cloud), config.points)]
        if len(cloud) == 0:
            return self._hold(observation)
        delta, logit, winners = self._network(
            torch.from_numpy(cloud.points)[None],
            torch.from_numpy(cloud.color)[None],
            torch.from_numpy(T_base_ee.astype(np.float32))[None],
            torch.from_numpy(width_m.astype(np.float32)),
        )
        deltas = (delta * self._scales.delta)[0].double().numpy()
        deltas = shortened_deltas(deltas, self._scales.longest.double().numpy())
        low, high = self._scales.width.double().tolist()
        width = low + (high - low) * torch.sigmoid(logit)[0].double().numpy()
        self._width_m = float(width[0])
        won = np.bincount(winners[0].numpy(), minlength=len(cloud))
        best = np.argsort(-won, kind="stable")[: min(SHOWN, np.count_nonzero(won))]
        return ActionChunk(
            observation.stamp_ns,
            targets_from(T_base_ee, deltas, config.absolute),
            width,
            {
                "keypoints": cloud.points[best].astype(np.float64),
                "confidence": won[best] / won[best[0]],
            },
        )

    def _hold(self, observation: Observation) -> ActionChunk:
        n = self._network.config.chunk
        width = observation.gripper_width_m if self._width_m is None else self._width_m
        poses = np.repeat(observation.T_base_ee[None], n, axis=0)
        return ActionChunk(observation.stamp_ns, poses, np.full(n, width))


def deltas_to(T_base_ee: Float64, targets: Float64, absolute: bool) -> Float64:
    """Deltas (..., 6) in m and rad from hands to targets (..., 4, 4).

    Along the hand's axes, with `absolute` along base's.
    """
    delta = pose_delta(T_base_ee, targets)
    return delta if absolute else _turned(np.swapaxes(T_base_ee[..., :3, :3], -1, -2), delta)


def targets_from(T_base_ee: Float64, deltas: Float64, absolute: bool) -> Float64:
    """The inverse of `deltas_to`."""
    along_base = deltas if absolute else _turned(T_base_ee[..., :3, :3], deltas)
    return apply_delta(T_base_ee, along_base)


def _turned(R: Float64, deltas: Float64) -> Float64:
    """Both vectors of deltas (..., 6) turned by R (..., 3, 3)."""
    pairs = deltas.reshape(*deltas.shape[:-1], 2, 3) @ np.swapaxes(R, -1, -2)
    return pairs.reshape(deltas.shape)


def load(checkpoint: Checkpoint, folder: Path) -> PointBCPolicy:
    """The policy of a checkpoint; CheckpointError if its parts do not fit."""
    where = str(folder)
    config = from_mapping(PointBCConfig, checkpoint.config, where)
    network = PointBCNetwork(config)
    load_into(network, checkpoint.tensors, where)
    scales = Scales.from_tensors(checkpoint.normaliser, config.chunk, where)
    return PointBCPolicy(network, scales, checkpoint.spec)
