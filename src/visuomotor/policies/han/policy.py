"""The policy that the runtime calls: observation in, a chunk of actions out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from visuomotor.checkpoint import Checkpoint, load_into
from visuomotor.config import from_mapping
from visuomotor.contracts import ActionChunk, CameraView, Float64, Observation
from visuomotor.descriptors.model import views_of
from visuomotor.geometry import apply_delta
from visuomotor.observations import ObservationSpec
from visuomotor.policies.han.attention import Candidates
from visuomotor.policies.han.config import STRIDE, HanConfig
from visuomotor.policies.han.network import Hand, HanNetwork, HanOutput
from visuomotor.policies.han.scales import Scales
from visuomotor.policies.han.sight import acting_corners, sight_of
from visuomotor.policies.heads.robot import robot_inputs
from visuomotor.policies.steps import shortened_deltas

SHOWN = 8
"""So many candidates are drawn: those that count most."""


class HanPolicy:
    """It remembers nothing but the width that it keeps while no camera has any depth."""

    def __init__(self, network: HanNetwork, scales: Scales, spec: ObservationSpec) -> None:
        self.spec = spec
        self._network, self._scales = network.eval(), scales
        self._corners = [
            acting_corners(network.config, (camera.height, camera.width)) for camera in spec.cameras
        ]
        self._width_m: float | None = None

    def reset(self) -> None:
        """Forgets the width."""
        self._width_m = None

    @torch.inference_mode()
    def act(self, observation: Observation) -> ActionChunk:
        """A chunk, and in its info what led to it.

        `attended` (1, 3): the keypoint that is followed; `action_target` (1, 3): where to, both
        in base; `keypoints` (K, 3), `confidence` (K,) and `regions` (K, 5) of the candidates that
        count most: number of the camera, and u, v of the region's first and last pixel.
        `region_corners` (K, 4, 3): those rectangles in base, as deep as the keypoint.
        `entropy` (1,): of all confidences, in nats. Without any depth the chunk holds pose and
        width.
        """
        network = self._network
        sights = [
            sight_of(views_of([observation.views[name]]), corners)
            for name, corners in zip(self.spec.names, self._corners, strict=True)
        ]
        output, found = network(sights, hand_of(observation.T_base_ee, observation.gripper_width_m))
        if not bool(output.seen):
            return self._hold(observation)
        deltas = torch.cat([output.delta, output.turn], dim=-1)[0].double().numpy()
        deltas = shortened_deltas(deltas, self._scales.longest.double().numpy())
        low, high = self._scales.width.double().tolist()
        width = low + (high - low) * torch.sigmoid(output.width_logit)[0].double().numpy()
        self._width_m = float(width[0])
        poses = apply_delta(observation.T_base_ee, deltas)
        shown = self._shown(output, found, observation)
        return ActionChunk(observation.stamp_ns, poses, width, shown)

    def _shown(
        self, output: HanOutput, found: Sequence[Candidates], observation: Observation
    ) -> dict[str, Float64]:
        confidence = output.confidence[0]
        best = confidence.argsort(descending=True)[:SHOWN]
        points = torch.cat([c.points[0] for c in found])
        entropy = -(confidence * confidence.clamp_min(1e-12).log()).sum()
        shown = {
            "attended": output.keypoint,
            "action_target": output.target[:, 0],
            "keypoints": points[best],
            "confidence": confidence[best],
            "regions": self._regions()[best],
            "entropy": entropy[None],
        }
        plain = {name: value.double().numpy() for name, value in shown.items()}
        corners = [
            region_corners(observation.views[self.spec.names[int(region[0])]], region[1:], point)
            for region, point in zip(plain["regions"], plain["keypoints"], strict=True)
        ]
        return {**plain, "region_corners": np.stack(corners)}

    def _regions(self) -> Tensor:
        """Camera, u, v of the first and of the last pixel (N, 5) of every region."""
        config, rows = self._network.config, []
        for i, (camera, corners) in enumerate(zip(self.spec.cameras, self._corners, strict=True)):
            first = STRIDE * corners[0].flip(-1)  # (N, 2) as (u, v)
            last = first + config.window_px - 1
            if config.attention == "whole":
                last = torch.tensor([[camera.width - 1, camera.height - 1]])
            number = torch.full((len(first), 1), i)
            rows.append(torch.cat([number, first, last], dim=-1))
        return torch.cat(rows)

    def _hold(self, observation: Observation) -> ActionChunk:
        n = self._network.config.chunk
        width = observation.gripper_width_m if self._width_m is None else self._width_m
        poses = np.repeat(observation.T_base_ee[None], n, axis=0)
        return ActionChunk(observation.stamp_ns, poses, np.full(n, width))


def region_corners(view: CameraView, box: Float64, point: Float64) -> Float64:
    """Corners (4, 3) in base of a box (u, v, u, v) of an image, as deep in it as a point (3,)."""
    T, K = view.T_base_camera, view.K
    depth = float((point - T[:3, 3]) @ T[:3, 2])
    u0, v0, u1, v1 = box
    rays = np.array([[u0, v0, 1.0], [u1, v0, 1.0], [u1, v1, 1.0], [u0, v1, 1.0]])
    in_camera = depth * rays @ np.linalg.inv(K).T
    corners: Float64 = in_camera @ T[:3, :3].T + T[:3, 3]
    return corners


def hand_of(T_base_ee: Float64, width_m: float | Float64) -> Hand:
    """The network's input for poses (B, 4, 4) or (4, 4) and widths (B,) or one."""
    T = T_base_ee.reshape(-1, 4, 4)
    robot = robot_inputs(T, np.broadcast_to(np.asarray(width_m, float), len(T)))
    return Hand(robot.position, robot.rotation, robot.width)


def load(checkpoint: Checkpoint, folder: Path) -> HanPolicy:
    """The policy of a checkpoint; CheckpointError if its parts do not fit."""
    where = str(folder)
    config = from_mapping(HanConfig, checkpoint.config, where)
    network = HanNetwork(config, len(checkpoint.spec.cameras))
    load_into(network, checkpoint.tensors, where)
    scales = Scales.from_tensors(checkpoint.normaliser, config.chunk, where)
    return HanPolicy(network, scales, checkpoint.spec)
