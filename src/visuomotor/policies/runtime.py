"""Runs any policy: observation, chunk, the action due, and refusal of nonsense."""

from __future__ import annotations

from visuomotor.contracts import STEP_NS, Action, ActionChunk, Observation, SyncedFrame, UInt8
from visuomotor.control.chunk_config import ChunkConfig
from visuomotor.control.chunks import ChunkPlayer, check_finite
from visuomotor.errors import CheckpointError, CommandError, DataError
from visuomotor.observations import ObservationSpec, check_cameras, observe
from visuomotor.policies import LoadedPolicy, Seeded
from visuomotor.policies.goals import GoalConditioned


class PolicyRuntime:
    """Calls a policy on every `replan_steps`-th set and plays its chunks in between.

    A chunk's action i is for the set observed plus i control steps, by the sets' stamps: after a
    lost set the action of its time is skipped, not delayed. `step` does a set's work at once; who
    measures time calls `infer`, gives the chunk to `player` and asks that for actions, in another
    thread if inference is asynchronous. allow_blind: act, too, on sets in which no camera measured
    any depth; to test what a policy does without looking.
    """

    def __init__(
        self,
        policy: LoadedPolicy,
        config: ChunkConfig | None = None,
        allow_blind: bool = False,
    ) -> None:
        self.player = ChunkPlayer(config or ChunkConfig())
        self._policy, self._allow_blind = policy, allow_blind

    @property
    def chunk(self) -> ActionChunk | None:
        """The newest chunk, with what may be drawn in `info`."""
        return self.player.newest

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

    @property
    def goal_camera(self) -> str:
        """Of which camera the policy's goal images are; "" if it has no goals."""
        return self._policy.goal_camera if isinstance(self._policy, GoalConditioned) else ""

    def set_goal(self, color: UInt8, camera: str | None = None) -> None:
        """What the policy is to reach from here on: an image (H, W, 3) RGB of any size.

        Raises DataError for a policy without goals, and as `GoalConditioned.set_goal` does.
        """
        if not isinstance(self._policy, GoalConditioned):
            raise DataError(
                "goal: this policy has none; expected one of `visuomotor train goal` with a goal "
                "image"
            )
        self._policy.set_goal(color, camera)

    def reset(self, seed: int | None = None) -> None:
        """Begins a new episode; seed: of what a policy draws in it (None: it goes on drawing)."""
        if seed is not None and isinstance(self._policy, Seeded):
            self._policy.seed(seed)
        self._policy.reset()
        self.player.reset()

    def step(self, frame: SyncedFrame) -> Action:
        """The action for this set, as if it were commanded in the middle of its control step.

        Raises DataError for a set that the policy cannot see (a camera or all depth missing),
        CommandError for actions that are no finite poses and widths.
        """
        now_ns = frame.stamp_ns + STEP_NS // 2
        chunk = self.infer(frame)
        if chunk is not None:
            self.player.add(chunk, now_ns)
        action = self.player.action(now_ns)
        if action is None:
            raise CommandError(f"set {frame.stamp_ns}: the policy's chunk has no action for it")
        return action

    def infer(self, frame: SyncedFrame) -> ActionChunk | None:
        """The policy's answer to this set; None where it is to go on with the chunk it has.

        Raises as `step` does, and whatever the policy raises; all chunks are then forgotten, so
        that nothing is commanded before the next good one.
        """
        newest = self.chunk
        if newest is not None:
            steps = round((frame.stamp_ns - newest.stamp_ns) / STEP_NS)
            if 0 <= steps < min(self.player.config.replan_steps, len(newest)):
                return None
        try:
            chunk = self._policy.act(self._observe(frame))
            check_finite(chunk)
        except Exception:
            self.player.clear()
            raise
        return chunk

    def _observe(self, frame: SyncedFrame) -> Observation:
        observation = observe(frame, self.spec)
        depths = [v.depth_m for v in observation.views.values() if v.depth_m is not None]
        if depths and not self._allow_blind and not any((d > 0).any() for d in depths):
            raise DataError(
                f"set {frame.stamp_ns}: no depth in any pixel of {', '.join(self.spec.names)}; "
                "the arm holds, check the depth streams and their alignment to color"
            )
        return observation
