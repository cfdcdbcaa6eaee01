"""A dead-man that several devices may hold: whoever lets go ends it for all of them."""

from __future__ import annotations

from dataclasses import dataclass

DISCOVERY_S = 3.0
"""Within so long after a start a device may be heard whose button was down before."""
FORGOTTEN_S = 60.0
"""A device that is silent for so long is gone."""


@dataclass
class _Device:
    """The last word of one device; `void`: its press counts no more until it was let go."""

    pressed: bool
    time_ns: int
    void: bool = False


class EnablingDevices:
    """Held while a device says so, the last time no longer ago than the timeout.

    Where two devices are held and one lets go, or falls silent, the other's press counts no more
    either: whoever let go wanted the arm to stop. It has to be let go and pressed anew. Devices
    are told apart by their publishers, where the middleware tells; else they are one.

    afresh: what was pressed before a start or a `void` does not count, but what is pressed after
    it: clearing a fault, or starting the bridge again, moves no arm by itself.
    """

    def __init__(self, timeout_s: float, afresh: bool = False) -> None:
        self._timeout_ns = round(timeout_s * 1e9)
        self._afresh = afresh
        self._began_ns: int | None = None
        self._devices: dict[str, _Device] = {}
        self.said: bool | None = None
        """The last word of any device."""

    def clear(self) -> None:
        """Forgets every device and every word."""
        self._devices.clear()
        self.said = None

    def void(self, now_ns: int) -> None:
        """With `afresh`: what is pressed now must be let go before it counts again."""
        self._begin(now_ns)
        if self._afresh:
            for device in self._devices.values():
                device.void = device.void or self._down(device, now_ns)

    def hear(self, pressed: bool, now_ns: int, sender: str = "") -> None:
        """A message of a device."""
        self._begin(now_ns)
        self._expire(now_ns)
        self.said = pressed
        known = self._devices.get(sender)
        if known is None:
            young = self._began_ns is not None and now_ns - self._began_ns < DISCOVERY_S * 1e9
            self._devices[sender] = _Device(pressed, now_ns, pressed and self._afresh and young)
        else:
            if known.pressed and not pressed:
                self._let_go(known, now_ns)
            known.void = known.void and pressed and known.pressed
            known.pressed, known.time_ns = pressed, now_ns

    def held(self, now_ns: int) -> bool:
        """Whether it is held by a press that counts."""
        self._begin(now_ns)
        self._expire(now_ns)
        return any(self._down(d, now_ns) and not d.void for d in self._devices.values())

    def why_not(self, now_ns: int) -> str:
        """What whoever holds it must do where their press does not count, else ""."""
        if any(self._down(d, now_ns) and d.void for d in self._devices.values()):
            return "it was held before: let it go and press it anew"
        return ""

    def _begin(self, now_ns: int) -> None:
        if self._began_ns is None:
            self._began_ns = now_ns

    def _down(self, device: _Device, now_ns: int) -> bool:
        return device.pressed and abs(now_ns - device.time_ns) <= self._timeout_ns

    def _expire(self, now_ns: int) -> None:
        """A device that fell silent with its button down has let go."""
        for device in list(self._devices.values()):
            if device.pressed and not self._down(device, now_ns):
                device.pressed = False
                self._let_go(device, now_ns)
                device.void = False
        for name, device in list(self._devices.items()):
            if abs(now_ns - device.time_ns) > FORGOTTEN_S * 1e9:
                del self._devices[name]

    def _let_go(self, released: _Device, now_ns: int) -> None:
        if not released.void:
            for device in self._devices.values():
                if device is not released and self._down(device, now_ns):
                    device.void = True
