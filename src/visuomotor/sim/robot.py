"""The FR3 with hand as MJCF, from franky-sim's model: light, full or original in looks."""

from __future__ import annotations

import copy
import importlib.util
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from visuomotor.errors import MissingDependencyError
from visuomotor.sim.meshes import decimated

PREFIX = "robot0_"
"""franky-sim's prefix of its first robot: the same names serve its libfranka server."""

HOME_Q = (0.0, -0.1513, 0.0, -2.5038, 0.0, 2.3525, 0.7854)
"""Joints in rad at which the hand points straight down, fr3_hand_tcp at (0.453, 0, 0.235) m."""

TCP_OFFSET_M = 0.1034
"""From the hand's origin to fr3_hand_tcp, between the fingertips, along the hand's z axis."""

FINGER_FORCE_N = 30.0


@dataclass(frozen=True)
class RobotModel:
    """The parts of the robot's MJCF that a scene takes in."""

    mesh_folder: Path
    default: ET.Element
    asset: ET.Element
    body: ET.Element
    sections: tuple[ET.Element, ...]  # actuator, tendon, equality, contact


def load_robot(appearance: str = "light", gravity_compensation: bool = True) -> RobotModel:
    """The robot's MJCF parts with PREFIX on every name.

    gravity_compensation: the bodies carry their own weight; off under a libfranka server, which
    adds the gravity torques itself. Raises MissingDependencyError without franky-sim.
    """
    spec = importlib.util.find_spec("franky_sim")
    if spec is None or not spec.submodule_search_locations:
        raise MissingDependencyError(
            "the simulation needs the FR3 model of franky-sim: pip install 'visuomotor[sim]'"
        )
    assets = Path(spec.submodule_search_locations[0]) / "assets"
    root = ET.parse(assets / "fr3.xml").getroot()
    default, asset = _section(root, "default"), _section(root, "asset")
    body = _section(root, "worldbody")[0]
    _dress(body, asset, appearance)
    if appearance == "full":
        _decimate(body, asset, assets / "meshes")
    _mark_tool(body)
    for element in body.iter("body"):
        if gravity_compensation and element.get("name") not in ("base", "fr3_link0"):
            element.set("gravcomp", "1")
    sections = [copy.deepcopy(_section(root, n)) for n in ("actuator", "tendon", "equality")]
    contact = root.find("contact")
    sections.append(ET.Element("contact") if contact is None else copy.deepcopy(contact))
    _replace_hand_actuator(sections[0])
    for element in (body, *sections):
        _prefix(element)
    return RobotModel(assets / "meshes", default, asset, body, tuple(sections))


def _section(root: ET.Element, name: str) -> ET.Element:
    found = root.find(name)
    assert found is not None, f"fr3.xml has no <{name}>"
    return found


def _dress(body: ET.Element, asset: ET.Element, appearance: str) -> None:
    """Light: only collision geometry, drawn; else the visual meshes, collision undrawn."""
    for parent in list(body.iter("body")):
        for geom in list(parent.findall("geom")):
            visual = geom.get("class") == "visual"
            if appearance != "light":
                if visual:
                    geom.set("mass", "0")  # links have inertials, the base none: looks move nothing
            elif visual and not _is_finger(parent):
                parent.remove(geom)
            elif not visual and geom.get("mesh") and not _is_finger(parent):
                geom.set("group", "2")
                geom.set("material", "off_white" if parent.get("name") != "hand" else "gray")
    _remove_unused(body, asset)


def _decimate(body: ET.Element, asset: ET.Element, mesh_folder: Path) -> None:
    """Gives the visual geoms meshes of their own with fewer triangles; collision keeps its own."""
    files = {m.get("name"): m.get("file") or "" for m in asset.findall("mesh")}
    drawn: set[str] = set()
    for geom in body.iter("geom"):
        if geom.get("class") != "visual":
            continue
        name = geom.get("mesh") or ""
        if name not in drawn:
            file = str(decimated(mesh_folder / files[name]))
            ET.SubElement(asset, "mesh", name=f"{name}_drawn", file=file, inertia="shell")
            drawn.add(name)
        geom.set("mesh", f"{name}_drawn")
    _remove_unused(body, asset)


def _remove_unused(body: ET.Element, asset: ET.Element) -> None:
    used = {g.get("mesh") for g in body.iter("geom")}
    for mesh in asset.findall("mesh"):
        if mesh.get("name") not in used:
            asset.remove(mesh)


def _is_finger(body: ET.Element) -> bool:
    return (body.get("name") or "").endswith("finger")


def _mark_tool(body: ET.Element) -> None:
    hand = next(b for b in body.iter("body") if b.get("name") == "hand")
    hand.insert(0, ET.Element("site", name="tcp", pos=f"0 0 {TCP_OFFSET_M}"))
    for finger in (b for b in hand.iter("body") if _is_finger(b)):
        for geom in finger.findall("geom"):
            if (geom.get("class") or "").startswith("fingertip_pad"):
                geom.set("friction", "1.5 0.02 0.0005")
                geom.set("condim", "4")


def _replace_hand_actuator(actuators: ET.Element) -> None:
    hand = next(a for a in actuators if a.get("name") == "hand")
    actuators.remove(hand)
    ET.SubElement(
        actuators,
        "position",
        name="hand",
        tendon="split",
        kp="3000",
        kv="60",
        ctrlrange="0 0.04",
        forcerange=f"{-FINGER_FORCE_N} {FINGER_FORCE_N}",
    )


def _prefix(element: ET.Element) -> None:
    """Prefixes names and the references to bodies, joints and tendons; not assets, not classes."""
    for e in element.iter():
        for key in ("name", "joint", "joint1", "joint2", "body1", "body2", "tendon"):
            if key in e.attrib:
                e.set(key, PREFIX + e.attrib[key])
