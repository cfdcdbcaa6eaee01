"""Who may move the arm: a live dead-man wins over the policy, and nobody live means hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Source = Literal["teleop", "policy"]
SOURCES: tuple[Source, ...] = ("teleop", "policy")


@dataclass
class _Button:
    """The last word of a dead-man and when it came."""

    pressed: bool = False
    time_ns: int | None = None

    def live(self, now_ns: int, timeout_ns: int) -> bool:
        return (
            self.pressed and self.time_ns is not None and abs(now_ns - self.time_ns) <= timeout_ns
        )


class Arbiter:
    """Decides which source is in control at an instant.

    The teleop dead-man is live while its last message is True and no older than the timeout. The
    policy needs a live enable of its own if `require_policy_enable`; otherwise it needs none, but
    an explicit False still keeps it out until True comes.
    """

    def __init__(
        self,
        require_policy_enable: bool = False,
        enable_timeout_s: float = 0.2,
        stale_s: float = 0.25,
    ) -> None:
        self.require_policy_enable = require_policy_enable
        self._timeout_ns = round(enable_timeout_s * 1e9)
        self._stale_ns = round(stale_s * 1e9)
        self.clear()

    def clear(self) -> None:
        """Forgets every enable and every offer: nobody is live."""
        self._teleop = _Button()
        self._policy = _Button()
        self._policy_offer_ns: int | None = None

    def teleop_enable(self, pressed: bool, now_ns: int) -> None:
        """A message of the teleop dead-man."""
        self._teleop = _Button(pressed, now_ns)

    def policy_enable(self, pressed: bool, now_ns: int) -> None:
        """A message of the operator's dead-man for the policy."""
        self._policy = _Button(pressed, now_ns)

    def policy_offered(self, now_ns: int) -> None:
        """The policy sent a target that was accepted."""
        self._policy_offer_ns = now_ns

    def teleop_live(self, now_ns: int) -> bool:
        """Whether the teleop dead-man is held."""
        return self._teleop.live(now_ns, self._timeout_ns)

    def policy_permitted(self, now_ns: int) -> bool:
        """Whether the operator lets the policy move."""
        if self.require_policy_enable:
            return self._policy.live(now_ns, self._timeout_ns)
        return self._policy.pressed or self._policy.time_ns is None

    def refusal(self, source: Source, now_ns: int) -> tuple[str, str]:
        """(reason, sentence) why `source` may not command now; ("", "") if it may."""
        if source == "teleop":
            if not self.teleop_live(now_ns):
                return "not_enabled", "teleop: its dead-man is not held (teleop/enable)"
        elif self.teleop_live(now_ns):
            return "not_in_control", "policy: teleop has control"
        elif not self.policy_permitted(now_ns):
            return "not_enabled", "policy: the operator does not enable it (policy/enable)"
        return "", ""

    def source(self, now_ns: int) -> Source | None:
        """Who is in control, or None when nobody live may command."""
        if self.teleop_live(now_ns):
            return "teleop"
        offered = self._policy_offer_ns
        if offered is None or abs(now_ns - offered) > self._stale_ns:
            return None
        return "policy" if self.policy_permitted(now_ns) else None
