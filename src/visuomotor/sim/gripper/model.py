"""The MuJoCo model of a parallel gripper that moves freely, a table, and one or two cylinders.

The hand is a body of a thousand kilograms with a free joint, so that it keeps the velocity that it
is given whatever it touches: kinematic, and yet contacts see how fast it moves, which they would
not with a mocap body. Its fingers are light, with geared drives (armature) that feel nothing of how
the hand accelerates, and coupled as a parallel gripper's are: two drives of limited force would let
what they hold drift sideways.
"""

from __future__ import annotations

import copy

import mujoco
import numpy as np
from numpy.typing import NDArray

CONTROL_HZ, SUBSTEPS = 12, 10
OPENING_M = 0.075
"""Of each finger from the middle, at most."""
HAND_KG, HAND_KG_M2 = 1000.0, 10.0
TIP_M = 0.0384
"""From the hand's point, in the middle between the fingers' pads, to their tips."""
HAND, LEFT, RIGHT, PLANE = "hand", "left", "right", "plane"
BODIES = (HAND, LEFT, RIGHT)

_FINGER = """
<body name="{name}" gravcomp="1">
  <joint name="{name}" type="slide" axis="0 {side} 0" range="0 {opening}" armature="5"/>
  <inertial pos="0 0 0" mass="0.1" diaginertia="1e-4 1e-4 1e-4"/>
  <geom name="{name}" type="box" size="0.01 0.01 0.06" pos="0 {middle} {along}" class="hand"/>
</body>"""
_CYLINDER = """
<body name="object{i}" pos="{i} 0 0.035">
  <freejoint name="object{i}"/>
  <inertial pos="0 0 0" mass="1" diaginertia="1e-3 1e-3 1e-3"/>
  <geom name="object{i}" type="cylinder" size="0.045 0.035" contype="3" conaffinity="3"
        rgba="{rgba}"/>
</body>"""
_DRIVE = """<position name="{name}" joint="{name}" kp="1000" kv="200" forcerange="-20 20"
  ctrlrange="0 {opening}"/>"""
_SCENE = """
<mujoco model="gripper">
  <option timestep="{timestep}" integrator="implicitfast" cone="elliptic" impratio="10"
          noslip_iterations="2" iterations="30" ls_iterations="20" tolerance="1e-7">
    <flag multiccd="{several}"/>
  </option>
  <default>
    <geom friction="1 0.005 0.0001" condim="4"/>
    <default class="hand"><geom contype="2" conaffinity="2" rgba="0.9 0.5 0.2 1"/></default>
  </default>
  <worldbody>
    <light pos="0 -1 2" dir="0 0.4 -1"/>
    <geom name="plane" type="plane" size="1.5 1.5 0.1" priority="1" condim="3"
          rgba="0.8 0.8 0.8 1"/>
    <camera name="front" pos="0 -0.65 0.5" xyaxes="1 0 0 0 0.6 0.8"/>
    <body name="hand" pos="0 0 0.5" gravcomp="1">
      <freejoint name="hand"/>
      <inertial pos="0 0 0" mass="{mass}" diaginertia="{inertia} {inertia} {inertia}"/>
      <geom name="palm" type="box" size="0.0315 0.102 0.046" pos="0 0 -0.13" class="hand"/>
      {fingers}
    </body>
    {cylinders}
  </worldbody>
  <contact><exclude body1="left" body2="right"/></contact>
  <equality><joint joint1="left" joint2="right" solref="0.017 1"/></equality>
  <actuator>{drives}</actuator>
</mujoco>"""
_RGBA = ("0.3 0.5 0.8 1", "0.4 0.7 0.4 1")


def gripper_model(objects: int) -> mujoco.MjModel:
    """The scene with 1 or 2 cylinders; `object0` is the first, `object1` the one in the hand.

    Several contacts for a pair of convex bodies are for cylinders that stand on one another, which
    slide off on one contact; a hand holds as well with one each, a quarter faster.
    """
    sides = {LEFT: 1, RIGHT: -1}
    finger = {"opening": OPENING_M, "along": TIP_M - 0.06}
    return mujoco.MjModel.from_xml_string(
        _SCENE.format(
            timestep=1 / (CONTROL_HZ * SUBSTEPS),
            several="enable" if objects == 2 else "disable",
            mass=HAND_KG,
            inertia=HAND_KG_M2,
            fingers="".join(
                _FINGER.format(name=n, side=s, middle=0.01 * s, **finger) for n, s in sides.items()
            ),
            cylinders="".join(_CYLINDER.format(i=i, rgba=_RGBA[i]) for i in range(objects)),
            drives="".join(_DRIVE.format(name=n, opening=OPENING_M) for n in sides),
        )
    )


def copies(model: mujoco.MjModel, n: int) -> list[mujoco.MjModel]:
    """As many models, that can be dressed differently."""
    return [copy.copy(model) for _ in range(n)]


def dress(
    model: mujoco.MjModel,
    scratch: mujoco.MjData,
    heights: NDArray[np.float64],
    radii: NDArray[np.float64],
    table_friction: float,
) -> None:
    """Gives a model's cylinders (K,) their sizes, 1 kg each, and the table its friction."""
    for i, (height, radius) in enumerate(zip(heights, radii, strict=True)):
        geom, body = model.geom(f"object{i}").id, model.body(f"object{i}").id
        model.geom_size[geom] = radius, height / 2, 0.0
        model.geom_rbound[geom] = np.hypot(radius, height / 2)
        model.geom_aabb[geom] = 0.0, 0.0, 0.0, radius, radius, height / 2
        across = (3 * radius**2 + height**2) / 12
        model.body_inertia[body] = across, across, radius**2 / 2
    model.geom_friction[model.geom(PLANE).id, 0] = table_friction
    mujoco.mj_setConst(model, scratch)
