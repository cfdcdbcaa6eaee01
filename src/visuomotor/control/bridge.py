"""Arbitration, limits, gripper and counters as one object: the only way to the arm.

Used by the node and by the lockstep simulation alike. Not thread-safe; time comes in as `now_ns`
of any one clock.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from visuomotor.contracts import Action, Float64, RobotState
from visuomotor.control.arbitration import SOURCES, Arbiter, Source
from visuomotor.control.bridge_config import BridgeConfig
from visuomotor.control.bridge_output import BridgeOutput, following_text
from visuomotor.control.counting import CommandCounter
from visuomotor.control.following import FollowWatch, teleported_by
from visuomotor.control.gripper_edge import GripperEdge
from visuomotor.control.lead import Lead
from visuomotor.control.reference import ReferenceGenerator
from visuomotor.control.senders import Contest, contested
from visuomotor.control.slowing import Slowing
from visuomotor.control.states import State
from visuomotor.control.targets import Verdict, age_refusal, judge_width
from visuomotor.control.wrench import WrenchWatch
from visuomotor.errors import unknown_name
from visuomotor.geometry import is_pose

CLOCK_JUMP_NS = 1_000_000_000
SETTLED_NS = 100_000_000
"""The arm comes to rest so long after its reference did."""


class CartesianBridge:
    """Targets of teleop and policy in, one limited reference out.

    Feed it the robot's state, the dead-men and the offers as they come, and call `step` at the
    reference's rate. A fault and the operator's hold last until `reset`; any other hold ends with
    the next acceptable target. `states.TRANSITIONS` is the whole machine.
    """

    def __init__(self, config: BridgeConfig) -> None:
        self.config = config
        self._generator = ReferenceGenerator(config)
        self._lead = Lead(config, config.lead_s)
        self._arbiter = Arbiter(
            config.require_policy_enable, config.enable_timeout_s, config.stale_s
        )
        self._counters = CommandCounter()
        self._now_ns: int | None = None
        self._measured: RobotState | None = None
        self._measured_ns = 0
        self._width_m = 0.0  # as measured last
        self._fault = self._held = ""
        self._reset_due = False
        self._state: State = "idle"
        self._reason = ""
        self._following = FollowWatch(config)
        self._pressed = WrenchWatch(config)
        self._slowing = Slowing(config)
        self._velocity: Float64 = np.zeros(3)  # of the reference, m/s
        self._gripper = GripperEdge(config.gripper_tolerance_m)
        self._clear_motion()

    def _clear_motion(self) -> None:
        self._contest = Contest()
        self._generator.hold()
        self._owner: Source | None = None
        self._moved = False
        self._accepted: Float64 | None = None
        self._following.reset()
        self._gripper.reset()

    # --- what comes in ---

    def set_measured(self, state: RobotState, now_ns: int) -> None:
        """The robot's state; a pose that is none is counted and ignored, and so is such a width."""
        self._tick(now_ns)
        if not is_pose(state.T_base_ee):
            self._counters["state/not_a_pose"] += 1
            return
        if np.isfinite(state.gripper_width_m):
            self._width_m = float(state.gripper_width_m)
        else:
            self._counters["state/no_gripper_width"] += 1
        last, gap_s = self._measured, (now_ns - self._measured_ns) * 1e-9
        self._measured, self._measured_ns = state, now_ns
        if self._slowing.near_limits(state):
            self._counters["slowed/joint_limit"] += 1
        if self._generator.pose is None:
            self._generator.anchor(state.T_base_ee, now_ns)
        elif last is not None:
            jump = teleported_by(self.config, last.T_base_ee, state.T_base_ee, gap_s)
            if jump:
                self._teleported(jump, now_ns)

    def set_wrench(self, wrench: Float64, now_ns: int) -> None:
        """The external wrench (6,) on the hand in N and Nm; beyond its limits it is a fault."""
        self._tick(now_ns)
        reason = self._pressed.look(wrench, now_ns)
        if reason:
            self.fail(reason)

    def teleop_enable(self, pressed: bool, now_ns: int, sender: str = "") -> None:
        """A message of the teleop dead-man; sender: tells devices apart (`EnablingDevices`)."""
        self._tick(now_ns)
        self._arbiter.teleop_enable(pressed, now_ns, sender)

    def policy_enable(self, pressed: bool, now_ns: int, sender: str = "") -> None:
        """A message of the operator's dead-man for the policy; sender as for teleop's."""
        self._tick(now_ns)
        self._arbiter.policy_enable(pressed, now_ns, sender)

    def offer(
        self,
        source: Source,
        T_base_ee: ArrayLike,
        now_ns: int,
        frame_id: str = "fr3_link0",
        stamp_ns: int | None = None,
        sender: str = "",
    ) -> Verdict:
        """A target pose (4, 4) of one source; refusals are counted by source and reason.

        stamp_ns: when the target was made, on the clock of now_ns; one older or newer than
        stale_s is refused (stale, clock). sender: tells the nodes apart that send targets for a
        source; while there are two, all of them are refused (contested) and the arm holds.
        """
        refused = self._refusal_of(source, "pose", now_ns, stamp_ns, sender)
        if refused is not None:
            return self._counters.judged(source, refused)
        assert self._measured is not None
        afresh = self._generator.holding or self._owner != source
        measured = self._standing() if afresh else None
        verdict = self._counters.judged(
            source, self._generator.offer(T_base_ee, now_ns, frame_id, measured)
        )
        if verdict.T_base_ee is not None:
            if source == "policy":
                self._arbiter.policy_offered(now_ns)
            self._owner = source
            self._moved = True
            self._accepted = verdict.T_base_ee
        return verdict

    def offer_gripper(
        self,
        source: Source,
        width_m: float,
        now_ns: int,
        stamp_ns: int | None = None,
        sender: str = "",
    ) -> Verdict:
        """A gripper width in m of one source; it reaches the hand only when it differs.

        stamp_ns, sender: as of a pose, and refused for the same reasons: while two nodes send
        widths or poses for a source, or when it was made too long ago.
        """
        refused = self._refusal_of(source, "width", now_ns, stamp_ns, sender)
        judged = judge_width(width_m) if refused is None else refused  # a refusal is falsy
        verdict = self._counters.judged(source, judged, "gripper ")
        if verdict.width_m is not None:
            self._gripper.wish(verdict.width_m)
        return verdict

    def fail(self, reason: str) -> None:
        """Faults for a reason of the backend's: the arm brakes and holds until `reset`."""
        if not self._fault:
            self._fault = reason
            self._counters["faults"] += 1
        self._generator.hold()

    def hold(self) -> None:
        """The operator's hold: the arm brakes and stands until `reset`."""
        if not self._held:
            self._held = "the operator holds the arm; call bridge/reset to go on"
            self._counters["holds"] += 1
        self._generator.hold()

    def prepare_reset(self) -> None:
        """Brakes and holds for a `reset` that is to come, while the arm's errors are cleared."""
        self._held = self._held or "the arm comes to rest for bridge/reset; call it again"
        self._generator.hold()

    def reset(self, now_ns: int) -> None:
        """Ends a fault or a hold: anchors at the measured pose and waits for new commands.

        A reference that still moves brakes first, and the arm is given 0.1 s to come to rest.
        Without a fresh robot state the anchor is taken from the next one.
        """
        self._tick(now_ns)
        self._fault = self._held = ""
        self._pressed.reset()
        self._arbiter.restart(now_ns)
        self._clear_motion()
        self._counters["resets"] += 1
        self._reset_due = True
        self._finish_reset(now_ns)

    def settled(self, now_ns: int) -> bool:
        """Whether the reference has stood for long enough for the arm to stand too.

        One that nobody stepped meanwhile has not stood, however long ago it moved.
        """
        moved_ns = self._generator.moved_ns
        return moved_ns is None or (self._generator.at_rest and now_ns - moved_ns >= SETTLED_NS)

    def _finish_reset(self, now_ns: int) -> None:
        if not self.settled(now_ns):
            return
        self._reset_due = False
        self._lead.clear()
        if self._measured is not None and self._state_fresh(now_ns):
            self._generator.anchor(self._measured.T_base_ee, now_ns)
        else:
            self._generator = ReferenceGenerator(self.config)

    # --- what goes out ---

    @property
    def at_rest(self) -> bool:
        """Whether the reference stands still."""
        return self._generator.at_rest

    def step(self, now_ns: int) -> BridgeOutput:
        """One step of the reference; call it at 100 to 200 Hz."""
        self._tick(now_ns)
        if self._reset_due:
            self._finish_reset(now_ns)
        state, reason = self._decide(now_ns)
        if state not in ("teleop", "policy"):
            self._generator.hold()
        accepted, self._accepted = self._accepted, None
        width = None if state == "fault" else self._gripper.take()
        pose, sent, twist, acceleration = None, None, np.zeros(6), np.zeros(6)
        if self._generator.pose is not None:
            self._mind_lag(self._generator.pose, now_ns)
            reference = self._generator.step(now_ns)
            self._velocity = reference.twist[:3]
            pose, twist, acceleration = reference.pose, reference.twist, reference.acceleration
            sent = self._lead.ahead(reference, now_ns)
            if self._generator.holding and state in ("teleop", "policy"):
                state, reason = "hold", f"{state}: no target for {self.config.stale_s * 1e3:.0f} ms"
        self._state, self._reason = state, reason
        return BridgeOutput(
            pose,
            sent,
            twist,
            acceleration,
            width,
            None if accepted is None else Action(accepted, self._width()),
            state,
            reason,
            dict(self._counters),
        )

    def status(self) -> dict[str, dict[str, str]]:
        """Plain text for command/status: state, reason, counters by reason, gripper, error."""
        counters = {name: str(n) for name, n in sorted(self._counters.items())}
        values = {
            "state": self._state,
            "reason": self._reason,
            "owner": self._owner or "",
        }
        values |= following_text(self._generator.pose, self._measured)
        values["speed_share"] = f"{self._generator.speed_share:.2f}"
        if self._gripper.sent_m is not None:
            values["gripper_width_m"] = f"{self._gripper.sent_m:.4f}"
        return {"bridge": values, "counters": counters}

    # --- inside ---

    def _standing(self) -> Float64 | None:
        """Where the arm stands (4, 4); the reference, if that moved since the last robot state."""
        assert self._measured is not None
        rest_ns = self._generator.rest_ns
        if rest_ns is not None and self._measured_ns <= rest_ns:
            return self._generator.pose
        return self._measured.T_base_ee

    def _width(self) -> float:
        if self._gripper.wished_m is not None:
            return self._gripper.wished_m
        return self._width_m

    def _decide(self, now_ns: int) -> tuple[State, str]:
        if not self._fault:
            self._watch_following(now_ns)
        if self._fault:
            return "fault", self._fault
        if self._measured is None:
            return "idle", "no robot state yet; is the robot on and current_pose remapped?"
        if not self._state_fresh(now_ns):
            age_ms = (now_ns - self._measured_ns) * 1e-6
            return "hold", f"no robot state for {age_ms:.0f} ms"
        if self._held:
            return "hold", self._held
        if self._reset_due:
            return "hold", "the arm comes to rest after bridge/reset"
        source = self._arbiter.source(now_ns)
        if self._owner is not None and self._contest.several(self._owner, now_ns):
            return "hold", contested(self._owner)
        if source is None:
            why = self._arbiter.why_nobody(now_ns)
            return ("hold", why or "nobody live commands") if self._moved else ("idle", why)
        if self._owner not in (None, source):
            self._generator.hold()  # until the new owner's first target
        return source, ""

    def _watch_following(self, now_ns: int) -> None:
        reference, measured = self._generator.pose, self._measured
        if reference is None or measured is None or not self._state_fresh(now_ns):
            self._following.reset()
            return
        reason = self._following.look(reference, measured.T_base_ee, now_ns)
        if reason:
            self.fail(reason)

    def _mind_lag(self, reference: Float64, now_ns: int) -> None:
        measured, age_s = self._measured, (now_ns - self._measured_ns) * 1e-9
        if measured is not None and self._slowing.lagging(
            reference, self._velocity, measured.T_base_ee, age_s
        ):
            self._counters["slowed/lagging"] += 1
        self._generator.speed_share = self._slowing.share

    def _teleported(self, moved: float, now_ns: int) -> None:
        assert self._measured is not None
        self._counters["teleports"] += 1
        if self.config.anchor_on_teleport and not self._fault:
            self._arbiter.clear()
            self._clear_motion()
            self._lead.clear()
            self._generator.anchor(self._measured.T_base_ee, now_ns)
        else:
            self.fail(
                f"the measured pose jumped by {moved * 100:.1f} cm between two robot states; "
                "check the robot's state topic, then call bridge/reset"
            )

    def _state_fresh(self, now_ns: int) -> bool:
        return abs(now_ns - self._measured_ns) * 1e-9 <= self.config.state_timeout_s

    def _refusal(self, source: Source, now_ns: int) -> Verdict | None:
        self._tick(now_ns)
        if source not in SOURCES:
            raise ValueError(unknown_name("source", source, SOURCES))
        if self._fault:
            return Verdict(False, "fault", f"{self._fault}")
        if self._held:
            return Verdict(False, "held", self._held)
        if self._reset_due:
            return Verdict(False, "resetting", "the arm comes to rest after bridge/reset")
        if self._measured is None or not self._state_fresh(now_ns):
            return Verdict(False, "no_robot_state", "no fresh robot state to start from")
        reason, detail = self._arbiter.refusal(source, now_ns)
        return Verdict(False, reason, detail) if reason else None

    def _refusal_of(
        self,
        source: Source,
        kind: Literal["pose", "width"],
        now_ns: int,
        stamp_ns: int | None,
        sender: str,
    ) -> Verdict | None:
        """Why nothing of this source is taken now, or nothing so old, or of one sender of two."""
        refused = self._refusal(source, now_ns)
        self._contest.hear(source, kind, sender, now_ns)
        if refused is None and self._contest.several(source, now_ns):
            if self._owner == source:
                self._generator.hold()
            refused = Verdict(False, "contested", contested(source))
        if refused is None and stamp_ns is not None:
            refused = age_refusal(source, now_ns - stamp_ns, self.config.stale_s)
        return refused

    def _tick(self, now_ns: int) -> None:
        """Notices a clock that jumped back: nothing timed before it counts any more."""
        if self._now_ns is not None and now_ns < self._now_ns - CLOCK_JUMP_NS:
            self._counters["clock_jumps"] += 1
            self._arbiter.clear()
            self._clear_motion()
            if self._measured is not None:
                self._measured_ns = now_ns - round(2 * self.config.state_timeout_s * 1e9)
        self._now_ns = now_ns
