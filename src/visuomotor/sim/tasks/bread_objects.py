"""What is in the bread world: bread, bowl, plate, container with a lid; the oven is apart.

Few geoms, no meshes, and only bread and lid are free: every table of results is paid in frames.
Bowl, plate and container stand where the episode puts them, as on a mat that does not slip.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np

from visuomotor.geometry import matrix_from_rotvec, quat_xyzw_from_matrix

BREAD_HALF_M = (0.030, 0.0225, 0.020)
"""Half the loaf's length, width (the fingers close across it) and height."""
BOWL_FLOOR_M = 0.006  # top of the floor above the bowl's origin, its underside
BOWL_RIM_M = 0.022
"""The rim is below the fingertips that hold a bread in the bowl."""
BOWL_RADII_M = (0.050, 0.066)  # inside: of the floor, of the rim
PLATE_RADIUS_M = 0.060
PLATE_M = 0.010  # high
CONTAINER_FLOOR_M = 0.004
CONTAINER_M = (0.038, 0.068, 0.046)
"""Half its length and width inside, and its height: the fingers fit in, open, to 6 mm."""
_WALL_M = 0.004
LID_HALF_M = (0.044, 0.074, 0.0025)
KNOB_HALF_M = (0.011, 0.011, 0.0125)
KNOB_M = LID_HALF_M[2] + KNOB_HALF_M[2]
"""The knob's middle above the lid's origin, the middle of its plate."""
_BOWL_PARTS = 8
_GRIPPING = {"condim": "4", "friction": "1.2 0.02 0.0005"}


def add_bread(world: ET.Element) -> None:
    """A brown loaf with a light crust mark across its top."""
    body = _free(world, "bread", BREAD_HALF_M[2])
    add_box(body, "bread", BREAD_HALF_M, (0, 0, 0), ".52 .28 .10 1", mass="0.06", **_GRIPPING)
    _, y, z = BREAD_HALF_M
    for i, at in enumerate((-0.014, 0.014)):
        half = (0.004, 0.8 * y, 0.0004)
        add_box(body, f"bread_cut_{i}", half, (at, 0, z), ".88 .70 .42 1", **_UNTOUCHED)


def add_bowl(world: ET.Element) -> None:
    """Green: a floor and eight boards that lean outward; its origin is on its underside."""
    body = ET.SubElement(world, "body", name="bowl")
    inner, rim = BOWL_RADII_M
    _geom(
        body,
        "bowl",
        "cylinder",
        (inner + 0.004, BOWL_FLOOR_M / 2),
        (0, 0, BOWL_FLOOR_M / 2),
        ".10 .48 .16 1",
        friction="1.0 0.02 0.0005",
    )
    thick = 0.003
    run, rise = rim - inner, BOWL_RIM_M - BOWL_FLOOR_M / 2
    lean = float(np.arctan2(run, rise))
    half = (thick, float(rim * np.tan(np.pi / _BOWL_PARTS)) + 0.001, float(np.hypot(run, rise)) / 2)
    radius, height = (inner + rim) / 2 + thick * np.cos(lean), (BOWL_RIM_M + BOWL_FLOOR_M / 2) / 2
    for i in range(_BOWL_PARTS):
        angle = 2 * np.pi * (i + 0.5) / _BOWL_PARTS
        turned = matrix_from_rotvec([0, 0, angle]) @ matrix_from_rotvec([0, lean, 0])
        x, y, z, w = quat_xyzw_from_matrix(turned)
        at = (float(radius * np.cos(angle)), float(radius * np.sin(angle)), height)
        rgba = ".16 .62 .24 1" if i % 2 else ".14 .56 .21 1"
        quat = f"{w:.9g} {x:.9g} {y:.9g} {z:.9g}"
        add_box(body, f"bowl_{i}", half, at, rgba, quat=quat)


def add_plate(world: ET.Element) -> None:
    """White with a blue middle; its origin is its middle."""
    body = ET.SubElement(world, "body", name="plate")
    size = (PLATE_RADIUS_M, PLATE_M / 2)
    white, blue = ".93 .93 .95 1", ".20 .38 .80 1"
    _geom(
        body,
        "plate",
        "cylinder",
        size,
        (0, 0, 0),
        white,
        friction="1.0 0.02 0.0005",
    )
    size = (0.68 * PLATE_RADIUS_M, PLATE_M / 2 + 0.0004)
    _geom(body, "plate_middle", "cylinder", size, (0, 0, 0), blue, **_UNTOUCHED)


def add_container(world: ET.Element) -> None:
    """An open box, wide enough for the open fingers; its origin is on its underside."""
    body = ET.SubElement(world, "body", name="container")
    x, y, height = CONTAINER_M
    w = _WALL_M / 2
    rgba, dark = ".86 .80 .66 1", ".70 .64 .50 1"
    floor = (x + 2 * w, y + 2 * w, CONTAINER_FLOOR_M / 2)
    add_box(body, "container", floor, (0, 0, CONTAINER_FLOOR_M / 2), dark)
    for i, sign in enumerate((-1, 1)):
        end, side = (w, y + 2 * w, height / 2), (x, w, height / 2)
        add_box(body, f"container_end_{i}", end, (sign * (x + w), 0, height / 2), rgba)
        at = (0, sign * (y + w), height / 2)
        add_box(body, f"container_side_{i}", side, at, rgba)


def add_lid(world: ET.Element) -> None:
    """A purple plate that lies on the container, with a knob to be grasped by."""
    body = _free(world, "lid", LID_HALF_M[2])
    add_box(body, "lid", LID_HALF_M, (0, 0, 0), ".42 .14 .60 1", mass="0.08")
    add_box(body, "knob", KNOB_HALF_M, (0, 0, KNOB_M), ".66 .34 .85 1", mass="0.01", **_GRIPPING)


def add_box(
    body: ET.Element,
    name: str,
    half_m: tuple[float, float, float],
    at_m: tuple[float, float, float],
    rgba: str,
    **attributes: str,
) -> None:
    """A box at (3,) in its body's frame."""
    _geom(body, name, "box", half_m, at_m, rgba, **attributes)


_UNTOUCHED = {"contype": "0", "conaffinity": "0", "mass": "0"}


def _free(world: ET.Element, name: str, height_m: float) -> ET.Element:
    body = ET.SubElement(world, "body", name=name, pos=f"0.5 0 {height_m}")
    ET.SubElement(body, "freejoint", name=name)
    return body


def _geom(
    body: ET.Element,
    name: str,
    kind: str,
    size: tuple[float, ...],
    at_m: tuple[float, float, float],
    rgba: str,
    **attributes: str,
) -> None:
    values = {"name": name, "type": kind, "rgba": rgba, **attributes}
    values["size"] = " ".join(f"{v:.6g}" for v in size)
    values["pos"] = " ".join(f"{v:.6g}" for v in at_m)
    ET.SubElement(body, "geom", values)
