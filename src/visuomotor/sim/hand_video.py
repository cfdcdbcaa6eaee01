"""Videos of a hand that moves cuboids on a table, with everything known: for judging estimators.

Nothing is simulated: the bodies are where the given paths put them. What is seen is what a person's
camera sees: one camera that stands still, a wooden table, a hand with a forearm, light from above.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Float64, UInt8
from visuomotor.geometry import quat_xyzw_from_matrix
from visuomotor.sim.rendering import Renderer

HAND_RADIUS_M, HAND_LENGTH_M = 0.04, 0.15
"""Wrist onwards, as real2sim models a hand."""
FOV_RAD = np.deg2rad(30.3)
"""Vertical field of view of the camera."""
WIDTH, HEIGHT, RATE_HZ = 427, 240, 12.0
_CAMERA = "video"
_SKIN, _SLEEVE = "0.85 0.62 0.50 1", "0.20 0.25 0.40 1"
_COLOURS = ("0.75 0.15 0.12 1", "0.15 0.45 0.20 1")


@dataclass(frozen=True)
class View:
    """Where the camera stands: it looks at the origin from distance_m, elevation_rad above the
    table, azimuth_rad counter-clockwise from the -y axis (0: it looks along +y).
    """

    distance_m: float = 0.8
    azimuth_rad: float = 0.0
    elevation_rad: float = 0.6

    @property
    def T_world_camera(self) -> Float64:
        """Its pose (4, 4): x right, y down, z forward."""
        flat = self.azimuth_rad - np.pi / 2
        cos, sin = np.cos(self.elevation_rad), np.sin(self.elevation_rad)
        away = np.array([cos * np.cos(flat), cos * np.sin(flat), sin])
        forward = -away
        right = np.array([-np.sin(flat), np.cos(flat), 0.0])
        T = np.eye(4)
        T[:3, :3] = np.column_stack([right, np.cross(forward, right), forward])
        T[:3, 3] = self.distance_m * away
        return T


@dataclass(frozen=True)
class HandVideo:
    """T frames: images (T, H, W, 3) RGB; masks (T, H, W) of what is visible, by body.

    Bodies are `hand` and `object 0`, `object 1`.
    """

    images: UInt8
    masks: dict[str, NDArray[np.bool_]]


def render_hand_video(
    view: View,
    hand_m: Float64,
    towards: Float64,
    sizes_m: Sequence[Float64],
    objects: Sequence[Float64],
    seed: int = 0,
    length_m: float = 0.40,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> HandVideo:
    """Draws T frames; the masks' hand ends HAND_LENGTH_M behind its fingers, the sleeve is no hand.

    hand_m (T, 3): the fingers' end; towards (T, 3): unit vectors from the wrist to it. sizes_m: of
    each cuboid, full edges (3,); objects: its poses (T, 4, 4) in the world, z up, the table z = 0.
    seed: of the table's grain. length_m: of hand and forearm.
    """
    spec = _scene(view, sizes_m, length_m, width, height)
    model = mujoco.MjModel.from_xml_string(ET.tostring(spec, encoding="unicode"))
    _grain(model, seed)
    data, renderer = mujoco.MjData(model), Renderer(model, width, height, shadows=False)
    names = ["hand", *(f"object {i}" for i in range(len(sizes_m)))]
    geoms = {name: model.geom(name).id for name in names}
    images = np.empty((len(hand_m), height, width, 3), np.uint8)
    masks = {name: np.empty((len(hand_m), height, width), bool) for name in names}
    try:
        for t in range(len(hand_m)):
            _place(model, data, "hand", _hand_pose(hand_m[t], towards[t]))
            for i, poses in enumerate(objects):
                _place(model, data, f"object {i}", poses[t])
            mujoco.mj_forward(model, data)
            images[t] = renderer.render(data, _CAMERA)[0]
            shown = renderer.segment(data, _CAMERA)
            for name, geom in geoms.items():
                masks[name][t] = shown == geom
    finally:
        renderer.close()
    return HandVideo(images, masks)


def _scene(
    view: View, sizes_m: Sequence[Float64], length_m: float, width: int, height: int
) -> ET.Element:
    root = ET.Element("mujoco")
    ET.SubElement(root, "statistic", extent="1", center="0 0 0")
    visual = ET.SubElement(root, "visual")
    ET.SubElement(visual, "global", offwidth=str(width), offheight=str(height))
    ET.SubElement(visual, "map", znear="0.02", zfar="20")
    ET.SubElement(visual, "headlight", ambient="0.4 0.4 0.4", diffuse="0.5 0.5 0.5")
    asset = ET.SubElement(root, "asset")
    ET.SubElement(
        asset, "texture", name="grain", type="2d", builtin="flat", rgb1="0.6 0.5 0.4",
        width="256", height="256",
    )  # fmt: skip
    ET.SubElement(asset, "material", name="wood", texture="grain", texrepeat="3 3")
    world = ET.SubElement(root, "worldbody")
    ET.SubElement(world, "light", pos="0.3 -0.4 1.5", dir="-0.2 0.3 -1", diffuse="0.5 0.5 0.5")
    ET.SubElement(world, "geom", type="plane", size="3 3 0.1", material="wood")
    T = view.T_world_camera
    axes = np.concatenate([T[:3, 0], -T[:3, 1]])
    ET.SubElement(
        world, "camera", name=_CAMERA, fovy=f"{np.rad2deg(FOV_RAD)}",
        pos=_text(T[:3, 3]), xyaxes=_text(axes),
    )  # fmt: skip
    hand = ET.SubElement(world, "body", name="hand", mocap="true")
    wrist, elbow = -HAND_LENGTH_M, -max(length_m, HAND_LENGTH_M + 1e-3)
    for name, ends, radius, colour in (
        ("hand", f"0 0 0 0 0 {wrist}", HAND_RADIUS_M, _SKIN),
        ("sleeve", f"0 0 {wrist} 0 0 {elbow}", 1.05 * HAND_RADIUS_M, _SLEEVE),
    ):
        ET.SubElement(
            hand, "geom", name=name, type="cylinder", fromto=ends, size=str(radius), rgba=colour
        )
    for i, size in enumerate(sizes_m):
        body = ET.SubElement(world, "body", name=f"object {i}", mocap="true")
        ET.SubElement(
            body, "geom", name=f"object {i}", type="box", size=_text(np.asarray(size) / 2),
            rgba=_COLOURS[i % len(_COLOURS)],
        )  # fmt: skip
    return root


def _grain(model: mujoco.MjModel, seed: int) -> None:
    """Streaks and knots, so that a tracker has something to hold on to."""
    rng = np.random.default_rng(seed)
    height, width = int(model.tex_height[0]), int(model.tex_width[0])
    streaks = np.cumsum(rng.normal(size=width))
    shade = (streaks - streaks.mean()) / max(streaks.std(), 1e-9)
    noise = rng.normal(size=(height, width))
    start, channels = int(model.tex_adr[0]), int(model.tex_nchannel[0])
    image = model.tex_data[start : start + height * width * channels]
    colour = np.array([150, 118, 88, 255])[:channels]
    shaded = colour + (14 * shade[None, :, None] + 8 * noise[..., None]) * (colour < 255)
    image[:] = np.clip(shaded, 0, 255).astype(np.uint8).reshape(-1)


def _hand_pose(end_m: Float64, towards: Float64) -> Float64:
    """The body's pose: its z axis towards the fingers' end."""
    z = towards / np.linalg.norm(towards)
    across = np.cross([0.0, 0.0, 1.0], z)
    x = across / np.linalg.norm(across) if np.linalg.norm(across) > 1e-6 else np.array([1.0, 0, 0])
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = np.column_stack([x, np.cross(z, x), z]), end_m
    return T


def _place(model: mujoco.MjModel, data: mujoco.MjData, name: str, T: Float64) -> None:
    i = int(model.body(name).mocapid[0])
    data.mocap_pos[i] = T[:3, 3]
    data.mocap_quat[i] = np.roll(quat_xyzw_from_matrix(T[:3, :3]), 1)


def _text(values: Float64) -> str:
    return " ".join(f"{v:.6g}" for v in np.asarray(values).ravel())
