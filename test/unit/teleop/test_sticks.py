"""SpaceMouse and gamepad: raw reports through the real libraries, and what buttons mean."""

from __future__ import annotations

import struct
import sys
import time

import numpy as np
import pytest

from visuomotor.errors import ConfigError, MissingDependencyError, RobotError
from visuomotor.teleop import TeleopConfig
from visuomotor.teleop.registry import make_device
from visuomotor.teleop.spacemouse import SpaceMouse
from visuomotor.teleop.stick import Deflection, Meaning, Stick

pyspacemouse = pytest.importorskip("pyspacemouse", reason="pip install 'visuomotor[teleop]'")

MS = 1_000_000


class Cable:
    """The USB side of a SpaceMouse: reports as its firmware sends them."""

    def __init__(self) -> None:
        self.reports: list[bytes] = []
        self.pulled = False

    def read(self, size: int) -> bytearray:
        if self.pulled:
            raise OSError("read failed")
        report = self.reports.pop(0) if self.reports else b""
        return bytearray(report.ljust(size, b"\0")) if report else bytearray()

    def move(self, *hid: int) -> None:
        """X y z rx ry rz in HID's axes: right, towards the user, down; 350 is full."""
        self.reports += [struct.pack("<B3h", 1, *hid[:3]), struct.pack("<B3h", 2, *hid[3:])]

    def press(self, bits: int) -> None:
        self.reports.append(struct.pack("<BB", 3, bits))

    def close(self) -> None:
        pass


def mouse(name: str = "SpaceMouseCompact") -> tuple[Cable, SpaceMouse]:
    spec = pyspacemouse.apply_axis_convention(
        pyspacemouse.get_device_specs()[name], pyspacemouse.AxisConvention.ROS
    )
    cable = Cable()
    return cable, SpaceMouse(0, 0.3, pyspacemouse.SpaceMouseDevice(spec, cable))


def config(**values: object) -> TeleopConfig:
    return TeleopConfig(device="spacemouse", dead_zone=0.1, expo=0.0, **values)


@pytest.mark.parametrize(
    ("hid", "axis", "sign"),
    [
        ((0, -350, 0, 0, 0, 0), 0, 1),  # away from the user: forward
        ((-350, 0, 0, 0, 0, 0), 1, 1),  # to the left
        ((0, 0, -350, 0, 0, 0), 2, 1),  # pulled up
        ((0, 0, 0, 0, -350, 0), 3, 1),  # tilted to the right: about forward
        ((0, 0, 0, -350, 0, 0), 4, 1),  # tilted forward: about left
        ((0, 0, 0, 0, 0, -350), 5, 1),  # turned to the left: about up
        ((0, 350, 0, 0, 0, 0), 0, -1),
    ],
)
def test_the_cap_moves_along_the_bases_axes(hid, axis, sign) -> None:
    cable, device = mouse()
    cable.move(*hid)
    reading = Stick(device, config()).read(0)
    expected = np.zeros(6)
    expected[axis] = sign
    np.testing.assert_allclose(reading.rate, expected, atol=1e-9)
    assert reading.held


def test_motion_is_the_dead_man_and_ends_with_it() -> None:
    cable, device = mouse()
    stick = Stick(device, config(motion_hold_s=0.2))
    cable.move(20, 0, 0, 0, 0, 0)  # within the dead zone
    assert not stick.read(0).held
    cable.move(0, -200, 0, 0, 0, 0)
    assert stick.read(10 * MS).held
    cable.move(0, 0, 0, 0, 0, 0)
    released = stick.read(20 * MS)
    assert released.held
    assert not released.rate.any()
    assert not stick.read(211 * MS).held
    cable.press(0b01)  # the gripper moves too
    pressed = stick.read(400 * MS)
    assert (pressed.held, pressed.toggles, pressed.grip) == (True, 1, True)


def test_a_deflected_cap_that_falls_silent_is_let_go() -> None:
    cable, device = mouse()
    stick = Stick(device, config())
    cable.move(0, -350, 0, 0, 0, 0)
    assert stick.read(0).rate[0] == pytest.approx(1.0)
    assert stick.read(300 * MS).rate[0] == pytest.approx(1.0)
    assert not stick.read(301 * MS).rate.any()
    assert not stick.read(601 * MS).held


@pytest.mark.parametrize(
    ("name", "held"), [("SpaceMouseCompact", True), ("UniversalReceiver", False)]
)
def test_only_a_cable_keeps_a_button_down_in_silence(name, held) -> None:
    cable, device = mouse(name)
    spec = device._mouse.info.button_specs[1]
    button = bytearray(8)
    button[0], button[spec.byte] = spec.channel, 1 << spec.bit
    cable.reports.append(bytes(button))
    stick = Stick(device, config())
    assert stick.read(0).policy
    assert stick.read(2000 * MS).policy is held


def test_presses_between_readings_are_counted() -> None:
    cable, device = mouse()
    stick = Stick(device, config(gripper_button="right", policy_button="button1"))
    for bits in (0b10, 0, 0b10, 0):
        cable.press(bits)
    assert stick.read(0).toggles == 2
    assert stick.read(MS).toggles == 0


def test_a_mouse_that_is_pulled_out_is_an_error() -> None:
    cable, device = mouse()
    stick = Stick(device, config())
    cable.pulled = True
    with pytest.raises(RobotError, match="gone"):
        stick.read(0)


class Wheel:
    """Controls of some other device."""

    axes, buttons, meaning = ("turn",), ("horn",), Meaning(("turn",) * 6, "horn", "horn", "horn")
    now = Deflection({"turn": 1.0}, frozenset({"horn"}), {"horn": 1})

    def poll(self, now_ns: int) -> Deflection:
        return self.now

    def close(self) -> None:
        pass


def test_buttons_may_steer_and_unknown_ones_are_named() -> None:
    stick = Stick(Wheel(), config(axes=("horn", "0", "-turn", "0", "0", "0")))
    np.testing.assert_allclose(stick.read(0).rate * np.sqrt(2), [1, 0, -1, 0, 0, 0], atol=1e-9)
    for role in ("dead_man", "gripper_button", "policy_button"):
        with pytest.raises(ConfigError, match=f"{role}: unknown button 'hron'; did you mean 'horn"):
            Stick(Wheel(), config(**{role: "hron"}))


@pytest.mark.parametrize(
    ("module", "device", "settings"),
    [
        ("pygame", "gamepad", {}),
        ("pyspacemouse", "spacemouse", {}),
        ("websockets.asyncio.server", "phone", {}),
        ("cryptography", "phone", {"host": "0.0.0.0"}),
    ],
)
def test_a_library_that_lacks_is_named(module, device, settings, monkeypatch, tmp_path) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    name = module.partition(".")[0]
    with pytest.raises(MissingDependencyError, match=rf"{name} is not installed.*\[teleop"):
        make_device(TeleopConfig(device=device, **settings), time.monotonic_ns)
