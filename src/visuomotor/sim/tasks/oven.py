"""An oven under glass, with a tray that slides out towards the arm."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from visuomotor.sim.tasks.bread_objects import add_box

OVEN_M = (0.645, 0.20)
"""Where the tray's middle is when it is in."""
TRAVEL_M = 0.10
"""How far the tray stands out before it is pushed in."""
TRAY_FLOOR_M = 0.012
"""The top of the tray's floor above the table: its origin."""
TRAY_HALF_M = (0.055, 0.050)
LIP_M = TRAY_HALF_M[0] + 0.008
"""The lip's outer face is so far before the tray's origin: what is pushed."""
LIP_TOP_M = 0.040
_GREY, _DARK, _METAL = ".42 .44 .47 1", ".16 .16 .18 1", ".66 .68 .70 1"
_DEPTH_M = (-0.033, 0.063)  # of the oven along x, from OVEN_M
_HALF_WIDTH_M = 0.064
_HEIGHT_M = 0.070


def add_oven(world: ET.Element) -> None:
    """The body `oven` stands, its origin where the `tray`'s is once that is in.

    Its roof is of glass, so that the cameras see what is in it, and begins behind the lip: the
    palm of a hand that pushes the tray in stays outside.
    """
    x, y = OVEN_M
    oven = ET.SubElement(world, "body", name="oven", pos=f"{x} {y} {TRAY_FLOOR_M}")
    low, high = -TRAY_FLOOR_M, _HEIGHT_M - TRAY_FLOOR_M
    middle, half_depth = sum(_DEPTH_M) / 2, (_DEPTH_M[1] - _DEPTH_M[0]) / 2
    upright = ((low + high) / 2, (high - low) / 2)
    for i, sign in enumerate((-1, 1)):
        at = (middle, sign * (_HALF_WIDTH_M - 0.003), upright[0])
        add_box(oven, f"oven_side_{i}", (half_depth, 0.003, upright[1]), at, _GREY)
    back = (_DEPTH_M[1] + 0.003, 0.0, upright[0])
    add_box(oven, "oven_back", (0.003, _HALF_WIDTH_M, upright[1]), back, _GREY)
    glass = (half_depth, _HALF_WIDTH_M, 0.002)
    add_box(oven, "oven_glass", glass, (middle, 0, high), ".36 .44 .50 .20")
    mantle = (_DEPTH_M[0], 0.0, high - 0.005)
    add_box(oven, "oven_mantle", (0.003, _HALF_WIDTH_M, 0.006), mantle, _GREY)
    ground = (half_depth, _HALF_WIDTH_M - 0.006, 0.0005)
    untouched = {"contype": "0", "conaffinity": "0"}
    add_box(oven, "oven_ground", ground, (middle, 0, low + 0.001), _DARK, **untouched)
    _add_tray(world)


def _add_tray(world: ET.Element) -> None:
    x, y = OVEN_M
    tray = ET.SubElement(world, "body", name="tray", pos=f"{x - TRAVEL_M} {y} {TRAY_FLOOR_M}")
    ET.SubElement(
        tray,
        "joint",
        name="tray",
        type="slide",
        axis="1 0 0",
        range=f"0 {TRAVEL_M}",
        damping="6",
        frictionloss="1.0",
    )
    half_x, half_y = TRAY_HALF_M
    add_box(tray, "tray", (half_x, half_y, 0.004), (0, 0, -0.004), _DARK, mass="0.3")
    for i, sign in enumerate((-1, 1)):
        at = (0.0, sign * (half_y - 0.003), 0.003)
        add_box(tray, f"tray_side_{i}", (half_x, 0.003, 0.003), at, _METAL, mass="0.02")
    end = (half_x - 0.003, 0.0, 0.003)
    add_box(tray, "tray_end", (0.003, half_y - 0.006, 0.003), end, _METAL, mass="0.02")
    low, high = -0.009, LIP_TOP_M - TRAY_FLOOR_M
    lip = (0.004, half_y, (high - low) / 2)
    at = (0.004 - LIP_M, 0.0, (high + low) / 2)
    add_box(tray, "tray_lip", lip, at, _METAL, mass="0.05")
