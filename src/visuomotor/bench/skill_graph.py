"""A skill's episode through the ROS graph: started, watched to its end, and judged."""

from __future__ import annotations

from collections.abc import Sequence

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped

from visuomotor.bench.graph_evaluation import GraphEvaluator
from visuomotor.bench.skill_on_arm import RATE_HZ, ArmRollout, Cylinder, Seen, judged
from visuomotor.contracts import STEP_NS, Float64
from visuomotor.policies.skill.policy import SkillPolicy
from visuomotor.ros import topics
from visuomotor.ros.manipulation import frame_of
from visuomotor.ros.messages import diagnostics_from_msg, pose_from_msg, stamp_ns_of


class SkillEvaluator(GraphEvaluator):
    """Also follows hand and objects, and what the policy says of its frame and time."""

    def __init__(self, objects: Sequence[str]) -> None:
        super().__init__()
        self.seen = Seen()
        self.frame: Float64 | None = None
        self.done = False
        self.fault = ""
        self._names = tuple(objects)
        self._newest: dict[str, Float64] = {}
        self._seen_ns = 0
        for name in objects:
            self.create_subscription(
                PoseStamped,
                topics.object_pose(name),
                lambda msg, name=name: self._newest.update({name: pose_from_msg(msg)}),
                topics.NEWEST_STATE,
            )
        self.create_subscription(
            PoseStamped, topics.CURRENT_POSE, self._take_hand, topics.NEWEST_STATE
        )
        self.create_subscription(
            DiagnosticArray, topics.DIAGNOSTICS, self._take_policy, topics.RELIABLE
        )

    def begin(self) -> None:
        """Forgets the last episode."""
        self.seen, self.frame, self.done, self.fault = Seen(), None, False, ""
        self._newest.clear()

    def _take_hand(self, msg: PoseStamped) -> None:
        stamp_ns = stamp_ns_of(msg)
        if self._log is None or len(self._newest) < len(self._names):
            return
        if stamp_ns - self._seen_ns >= STEP_NS - 5_000_000 or stamp_ns < self._seen_ns:
            self._seen_ns = stamp_ns
            self.seen.add(pose_from_msg(msg), dict(self._newest))

    def _take_policy(self, msg: DiagnosticArray) -> None:
        values = diagnostics_from_msg(msg).get("policy")
        if values is None or self._log is None:
            return
        frame = frame_of(values)
        if frame is not None:
            self.frame, self.done = frame, values.get("skill_done") == "True"
        if msg.status[0].level != b"\x00" and int(values.get("refused", 0)) > 0:
            self.fault = msg.status[0].message

    def _watch(self, seed: int, horizon_steps: int, until_solved: bool) -> bool:
        """Until the skill is over, the policy refuses, or the horizon."""
        limit_s = horizon_steps * STEP_NS * 1e-9
        start_s = self.sim.status.elapsed_s if self.sim.status is not None else 0.0

        def over() -> bool:
            status = self.sim.status
            passed = status is not None and status.elapsed_s - start_s > limit_s
            return self.done or passed or (bool(self.fault) and self.frame is None)

        self.sim.wait_for(over, limit_s + 15.0, "the skill's end")
        return self.done


def skill_rollout(
    node: SkillEvaluator,
    policy: SkillPolicy,
    seed: int,
    horizon_steps: int,
    sizes: dict[str, Cylinder],
) -> ArmRollout:
    """One episode; `policy` says which action and scale it is judged by."""
    node.begin()
    ended = node.rollout(seed, horizon_steps)
    if ended.error or node.frame is None or not node.seen.hands:
        return ArmRollout(seed, False, error=ended.error or node.fault or "the policy did not plan")
    late = "" if node.done else node.fault or "the horizon came before the skill's end"
    seconds = len(node.seen.hands) / RATE_HZ
    return judged(policy, seed, node.seen, sizes, node.frame, (), late, seconds)
