"""Runs any policy step by step: observation, chunk, the action due, and refusal of nonsense."""

from __future__ import annotations

import numpy as np

from visuomotor.contracts import (
    MAX_GRIPPER_WIDTH_M,
    STEP_NS,
    Action,
    ActionChunk,
    Observation,
    SyncedFrame,
)
from visuomotor.errors import CheckpointError, CommandError, DataError
from visuomotor.geometry import is_pose
from visuomotor.observations import ObservationSpec, check_cameras, observe
from visuomotor.policies import LoadedPolicy


class PolicyRuntime:
    """Calls a policy on every `replan_steps`-th set and plays its chunk in between.

    A chunk's action i is for the set observed plus i control steps, by the sets' stamps: after a
    lost set the action of its time is skipped, not delayed. allow_blind: act, too, on sets in
    which no camera measured any depth; to test what a policy does without looking.
    """

    def __init__(
        self, policy: LoadedPolicy, replan_steps: int = 1, allow_blind: bool = False
    ) -> None:
        if replan_steps < 1:
            raise ValueError(f"got replan_steps {replan_steps}, expected at least 1")
        self._policy, self._replan = policy, replan_steps
        self._allow_blind = allow_blind
        self.chunk: ActionChunk | None = None
        """The newest chunk, with what may be drawn in `info`."""

    @property
    def spec(self) -> ObservationSpec:
        """The cameras that the policy sees."""
        return self._policy.spec

    def check(self, cameras: list[str]) -> None:
        """Raises CheckpointError if the cameras there are cannot serve this policy."""
        try:
            check_cameras(cameras, self.spec, "the policy's observation spec")
        except DataError as error:
            raise CheckpointError(
                f"{error}; start the missing camera, or train a policy for the cameras there are"
            ) from error

    def reset(self) -> None:
        """Begins a new episode."""
        self._policy.reset()
        self.chunk = None

    def step(self, frame: SyncedFrame) -> Action:
        """The action for this set.

        Raises DataError for a set that the policy cannot see (a camera or all depth missing),
        CommandError for an action that is no finite pose and width.
        """
        index = 0
        if self.chunk is not None:
            index = round((frame.stamp_ns - self.chunk.stamp_ns) / STEP_NS)
        if self.chunk is None or not 0 <= index < min(self._replan, len(self.chunk)):
            self.chunk, index = self._policy.act(self._observe(frame)), 0
        action = self.chunk[index]
        if not is_pose(action.T_base_ee) or not np.isfinite(action.gripper_width_m):
            raise CommandError(
                f"set {frame.stamp_ns}: the policy gave position "
                f"{action.T_base_ee[:3, 3].tolist()} and width {action.gripper_width_m}, expected "
                "a finite pose and width; the arm holds, check the checkpoint and its inputs"
            )
        return Action(
            action.T_base_ee, float(np.clip(action.gripper_width_m, 0.0, MAX_GRIPPER_WIDTH_M))
        )

    def _observe(self, frame: SyncedFrame) -> Observation:
        observation = observe(frame, self.spec)
        depths = [v.depth_m for v in observation.views.values() if v.depth_m is not None]
        if depths and not self._allow_blind and not any((d > 0).any() for d in depths):
            raise DataError(
                f"set {frame.stamp_ns}: no depth in any pixel of {', '.join(self.spec.names)}; "
                "the arm holds, check the depth streams and their alignment to color"
            )
        return observation
