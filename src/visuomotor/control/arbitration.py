"""Who may move the arm: a live dead-man wins over the policy, and nobody live means hold."""

from __future__ import annotations

from typing import Literal

from visuomotor.control.enabling import EnablingDevices

Source = Literal["teleop", "policy"]
SOURCES: tuple[Source, ...] = ("teleop", "policy")


class Arbiter:
    """Decides which source is in control at an instant.

    The teleop dead-man is live while its last message is True and no older than the timeout
    (`EnablingDevices`). The policy needs a live enable of its own if `require_policy_enable`;
    otherwise it needs none, but an explicit False still keeps it out until True comes. On an arm
    that requires it a dead-man that was held over a start or a `restart` does not count either.
    """

    def __init__(
        self,
        require_policy_enable: bool = False,
        enable_timeout_s: float = 0.2,
        stale_s: float = 0.25,
    ) -> None:
        self.require_policy_enable = require_policy_enable
        self._stale_ns = round(stale_s * 1e9)
        self._teleop = EnablingDevices(enable_timeout_s, afresh=require_policy_enable)
        self._policy = EnablingDevices(enable_timeout_s, afresh=require_policy_enable)
        self.clear()

    def clear(self) -> None:
        """Forgets every enable and every offer: nobody is live."""
        self._teleop.clear()
        self._policy.clear()
        self._policy_offer_ns: int | None = None

    def restart(self, now_ns: int) -> None:
        """After a fault or a hold: nothing that was sent or pressed before counts any more."""
        if not self.require_policy_enable:
            self.clear()
            return
        self._teleop.void(now_ns)
        self._policy.void(now_ns)
        self._policy_offer_ns = None

    def teleop_enable(self, pressed: bool, now_ns: int, sender: str = "") -> None:
        """A message of a teleop dead-man; sender: tells the devices apart."""
        self._teleop.hear(pressed, now_ns, sender)

    def policy_enable(self, pressed: bool, now_ns: int, sender: str = "") -> None:
        """A message of an operator's dead-man for the policy; sender: tells the devices apart."""
        self._policy.hear(pressed, now_ns, sender)

    def policy_offered(self, now_ns: int) -> None:
        """The policy sent a target that was accepted."""
        self._policy_offer_ns = now_ns

    def teleop_live(self, now_ns: int) -> bool:
        """Whether the teleop dead-man is held."""
        return self._teleop.held(now_ns)

    def policy_permitted(self, now_ns: int) -> bool:
        """Whether the operator lets the policy move."""
        if self.require_policy_enable:
            return self._policy.held(now_ns)
        return self._policy.said is not False

    def why_nobody(self, now_ns: int) -> str:
        """A sentence where somebody holds a dead-man that does not count, else ""."""
        for name, devices in (("teleop", self._teleop), ("policy", self._policy)):
            if reason := devices.why_not(now_ns):
                return f"{name}/enable: {reason}"
        return ""

    def refusal(self, source: Source, now_ns: int) -> tuple[str, str]:
        """(reason, sentence) why `source` may not command now; ("", "") if it may."""
        if source == "teleop":
            if not self.teleop_live(now_ns):
                reason = self._teleop.why_not(now_ns) or "its dead-man is not held (teleop/enable)"
                return "not_enabled", f"teleop: {reason}"
        elif self.teleop_live(now_ns):
            return "not_in_control", "policy: teleop has control"
        elif not self.policy_permitted(now_ns):
            reason = self._policy.why_not(now_ns) or "the operator does not enable it"
            return "not_enabled", f"policy: {reason} (policy/enable)"
        return "", ""

    def source(self, now_ns: int) -> Source | None:
        """Who is in control, or None when nobody live may command."""
        if self.teleop_live(now_ns):
            return "teleop"
        offered = self._policy_offer_ns
        if offered is None or abs(now_ns - offered) > self._stale_ns:
            return None
        return "policy" if self.policy_permitted(now_ns) else None
