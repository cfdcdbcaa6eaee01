"""The points of ways and skills that an arm is to follow, near enough to one another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visuomotor.contracts import Float64
from visuomotor.geometry import matrix_from_rotvec, pose, rotvec_from_matrix
from visuomotor.policies.skill.hand import Hand
from visuomotor.policies.skill.placement import Placement

_SPACING_M, _SPACING_RAD = 0.025, 0.15


def sparse(hands: Sequence[Hand], scale: float) -> list[int]:
    """Which of a skill's hands are enough to follow it: the first, the last, and some between."""
    kept = [0]
    for i in range(1, len(hands)):
        last, hand = hands[kept[-1]], hands[i]
        far = scale * float(np.linalg.norm(hand.position - last.position))
        turned = float(np.linalg.norm(rotvec_from_matrix(hand.rotation @ last.rotation.T)))
        if far > 0.6 * _SPACING_M or turned > 0.6 * _SPACING_RAD or i == len(hands) - 1:
            kept.append(i)
    return kept


def points_of(placements: Sequence[Placement], hands: Sequence[Hand]) -> Float64:
    """T_base_ee (T, N, 4, 4) of T hands, in N placements."""
    position = np.stack([h.position for h in hands])
    rotation = np.stack([h.rotation for h in hands])
    return np.stack([placement.ee(position, rotation) for placement in placements], axis=1)


def straight(T_base_ee: Float64, corners: Float64) -> Float64:
    """Points (P, N, 4, 4) on straight ways from one pose (4, 4) by N ways' corners (W, N, 4, 4)."""
    before = np.broadcast_to(T_base_ee, corners[0].shape)
    points = []
    for corner in corners:
        turn = rotvec_from_matrix(corner[:, :3, :3] @ before[:, :3, :3].transpose(0, 2, 1))
        step = corner[:, :3, 3] - before[:, :3, 3]
        far = float(np.linalg.norm(step, axis=1).max())
        turned = float(np.linalg.norm(turn, axis=1).max())
        count = max(1, int(np.ceil(max(far / _SPACING_M, turned / _SPACING_RAD))))
        for share in np.arange(1, count + 1) / count:
            R = matrix_from_rotvec(share * turn) @ before[:, :3, :3]
            points.append(pose(R, before[:, :3, 3] + share * step))
        before = corner
    return np.stack(points)
