"""Push box: push a carton along the table, turned straight, against random wrenches.

Florence et al. 2020, appendix. Start, line and angle are theirs; the wrenches, the carton, the
wider area and the expert are ours. The expert has internal state (phase, integral and rate of the
heading error), as the paper's had: its action depends on the past.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Action, RobotState
from visuomotor.geometry import matrix_from_rotvec, pose
from visuomotor.sim.config import Variant
from visuomotor.sim.tasks.area import Area
from visuomotor.sim.tasks.carton import add_carton, draw_look, dress_carton
from visuomotor.sim.tasks.motion import POINTING_DOWN, shortened, toward, wrapped, yaw_of
from visuomotor.sim.tasks.surroundings import TEXTURELESS, add_clutter, dress_surroundings
from visuomotor.sim.tasks.task import Expert, Poses
from visuomotor.sim.tasks.variant import check_variant
from visuomotor.sim.wrenches import WrenchPulses

AREA = Area((0.60, -0.19), (0.02, 0.05), (0.06, 0.09), sigma_m=(0.01, 0.025))
TARGET_YAW_RAD = float(np.pi / 2)
YAW_RAD = float(np.deg2rad(30))
LINE_Y_M = 0.134
TOLERANCE_RAD = float(np.deg2rad(2))
WRENCHES = WrenchPulses("carton", force_n=4.0, torque_nm=0.15)


def heading_error(objects: Poses) -> float:
    """The carton's heading minus the target's, rad."""
    return wrapped(yaw_of(objects["carton"]) - TARGET_YAW_RAD)


def clear_of_the_way(place: NDArray[np.float64]) -> bool:
    """Whether clutter at (2,) m leaves carton and hand their way."""
    return not 0.42 < float(place[0]) < 0.77


class PushBox:
    """The carton's x axis is its heading; the landmark `rear` is the middle of its rear face."""

    name = "push_box"
    objects = ("carton", "rear")
    horizon_steps = 240
    hold_s = 0.25
    wrenches = WRENCHES

    def __init__(self, variant: Variant = "plain") -> None:
        check_variant(self.name, variant)
        self._variant = variant

    def add_objects(self, world: ET.Element, asset: ET.Element) -> None:
        """The carton with its landmark, and clutter."""
        carton = add_carton(world, asset, "carton", self._variant)
        ET.SubElement(carton, "body", name="rear", pos="-0.05 0 0")
        if self._variant in TEXTURELESS:
            add_clutter(world, asset)

    def draw(self, rng: np.random.Generator, region: str) -> tuple[Poses, NDArray[np.float64]]:
        """Carton in its area with a heading of 90 +- 30 degrees; the hand behind and above."""
        place = AREA.draw(rng, region)
        yaw = TARGET_YAW_RAD + rng.uniform(-YAW_RAD, YAW_RAD)
        carton = pose(matrix_from_rotvec([0.0, 0.0, yaw]), (*place, 0.0))
        start = np.array([0.57, -0.33, 0.17]) + rng.uniform(-1, 1, 3) * (0.05, 0.03, 0.04)
        return {"carton": carton}, pose(POINTING_DOWN, start)

    def dress(self, model: mujoco.MjModel, rng: np.random.Generator, objects: Poses) -> Poses:
        """The instance, and the clutter beside its way."""
        look = draw_look(self._variant, rng)
        T = dress_carton(model, "carton", look, self._variant, objects["carton"])
        model.body("rear").pos[:] = (-look.half_m[0], 0.0, 0.0)
        if self._variant in TEXTURELESS:
            dress_surroundings(model, rng, self._variant, clear_of_the_way)
        return {"carton": T}

    def success(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the carton is past the line and its heading within 2 degrees of the target's."""
        past = bool(objects["carton"][1, 3] > LINE_Y_M)
        return past and abs(heading_error(objects)) < TOLERANCE_RAD

    def error(self, robot: RobotState, objects: Poses) -> tuple[float, float]:
        """How far the carton is short of the line (m), and from the target's heading (rad)."""
        return max(0.0, LINE_Y_M - float(objects["carton"][1, 3])), abs(heading_error(objects))

    def stage(self, robot: RobotState, objects: Poses) -> str:
        """The carton, all along."""
        return "carton"

    def expert(self) -> Expert:
        """A new expert."""
        return PushBoxExpert()


class PushBoxExpert:
    """Steers by where along the rear face it pushes: a PID controller of the heading.

    It stands off behind the face until it is beside the wanted contact point, then pushes along
    +y while it slides along the face, and stands off again when the point has moved too far.
    """

    lead_m = 0.015
    height_m = 0.032  # of fr3_hand_tcp; the fingertips reach 1 cm lower
    above_m = 0.09  # where the hand passes above the carton
    finger_m = 0.022  # half the closed fingers' thickness
    stand_off_m = 0.03
    past_m = LINE_Y_M + 0.004

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets phase, integral and rate."""
        self._pushing = False
        self._integral = 0.0
        self._rate = 0.0
        self._last: tuple[int, float] | None = None

    def act(self, robot: RobotState, objects: Poses) -> Action:
        """The next target; the gripper is closed."""
        error = heading_error(objects)
        self._remember(robot.stamp_ns, error)
        hand, rear = robot.T_base_ee[:3, 3], objects["rear"]
        forward, aside = rear[:2, 0], rear[:2, 1]
        back = float((hand[:2] - rear[:2, 3]) @ forward) + self.finger_m  # 0 at contact
        across = float((hand[:2] - rear[:2, 3]) @ aside)
        wanted = float(
            np.clip(0.16 * error + 0.04 * self._integral + 0.03 * self._rate, -0.045, 0.045)
        )
        off = wanted - across
        if self.done(robot, objects):
            return Action(pose(POINTING_DOWN, hand), 0.0)
        self._choose_phase(back, off, float(hand[2]))
        if self._pushing:
            step = np.array([0.0, self.lead_m]) + shortened(0.6 * off * aside, 0.01)
            goal = np.array([*(hand[:2] + shortened(step, self.lead_m)), self.height_m])
        else:
            goal = self._approach(rear, wanted, back)
        return Action(toward(robot.T_base_ee, goal, self.lead_m), 0.0)

    def done(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the carton lies straight, a little past the line."""
        straight = abs(heading_error(objects)) < 0.7 * TOLERANCE_RAD
        return bool(objects["carton"][1, 3] > self.past_m and straight)

    def _remember(self, stamp_ns: int, error: float) -> None:
        if self._last is not None and stamp_ns > self._last[0]:
            dt_s = (stamp_ns - self._last[0]) * 1e-9
            self._rate += 0.4 * ((error - self._last[1]) / dt_s - self._rate)
            if self._pushing:
                self._integral = float(np.clip(self._integral + error * dt_s, -0.3, 0.3))
        self._last = (stamp_ns, error)

    def _choose_phase(self, back: float, off: float, height: float) -> None:
        if self._pushing:
            self._pushing = abs(off) < 0.04 and back > -0.08
        else:
            low = height < self.height_m + 0.01
            self._pushing = abs(off) < 0.01 and low and -0.05 < back < 0.01

    def _approach(
        self, rear: NDArray[np.float64], wanted: float, back: float
    ) -> NDArray[np.float64]:
        """(3,) behind the wanted contact point; from above while the hand is not behind."""
        behind = -(self.finger_m + self.stand_off_m)
        place = rear[:2, 3] + behind * rear[:2, 0] + wanted * rear[:2, 1]
        not_behind = np.clip((back + 0.015) / 0.03, 0.0, 1.0)
        return np.array([*place, self.height_m + self.above_m * not_behind])
