"""Visual worlds by number: the one of the demonstrations, and 40 each to learn, choose and test.

What varies between environments, and that physics does not, is the problem of Singh et al. 2017
(GPLAC), sections 3 and 6.1; the 40 weakly labelled and 40 test environments are theirs, everything
that is drawn here is ours.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visuomotor.errors import ConfigError, unknown_name
from visuomotor.sim.config import Variant
from visuomotor.sim.palette import RGB, draw_rgb
from visuomotor.sim.textures import draw_texture

ENVIRONMENTS = 40
"""How many each split has."""

SPLITS: tuple[Variant, ...] = ("weak_environments", "validation_environments", "test_environments")
"""The variants that show one of 40 environments by seed."""

PLAIN = 0
"""The number of the environment of the variant `plain`, in which demonstrations are given."""

TEXELS = {"table": 256, "wall": 128, "floor": 128}
"""The surfaces that change, and how many texels wide and high their textures are."""

_SHIFT_M = 0.003
_TURN_RAD = float(np.deg2rad(0.3))
"""So that what a camera sees a metre away moves by less than a centimetre: what is to be survived
here is another look, and a camera that stands elsewhere is another problem."""


def environment_of(variant: str, seed: int) -> int:
    """The environment in which the start of this seed is seen.

    0 for `plain`, 41 to 80 for validation_environments, 81 to 120 for test_environments: seed % 40
    within each. weak_environments are 2 to 40 and, as in the paper ("one of which is also the
    labeled environment"), `plain`'s own. Raises ConfigError for another variant.
    """
    if variant == "plain":
        return PLAIN
    if variant not in SPLITS:
        raise ConfigError(unknown_name("variant with environments", variant, ("plain", *SPLITS)))
    if variant == "weak_environments" and seed % ENVIRONMENTS == 0:
        return PLAIN
    return 1 + SPLITS.index(variant) * ENVIRONMENTS + seed % ENVIRONMENTS


@dataclass(frozen=True)
class Environment:
    """One room: how it looks and is lit, and how far its standing cameras have moved.

    textures: (N, N, 3) uint8 RGB by surface. light: factors on the lights' and the headlight's
    diffuse (3,) and ambient colours. light_turn: (2,) what is added to the lights' directions
    along x and y. shift_m, turn_rad: (3,) each, the cameras' own frames in their mounts; zero in
    `plain`.
    """

    number: int
    textures: dict[str, NDArray[np.uint8]]
    light: NDArray[np.float64]
    ambient: float
    light_turn: NDArray[np.float64]
    shift_m: NDArray[np.float64]
    turn_rad: NDArray[np.float64]

    @functools.cached_property
    def table_rgb(self) -> RGB:
        """The table's mean colour, from which objects must stand out."""
        r, g, b = self.textures["table"].reshape(-1, 3).mean(axis=0) / 255.0
        return float(r), float(g), float(b)


@functools.lru_cache(maxsize=3 * ENVIRONMENTS + 1)
def environment(number: int) -> Environment:
    """The environment with that number, the same one every time."""
    rng = np.random.default_rng([number, 90])
    tint = np.array(draw_rgb(rng, (0.0, 0.18), (1.0, 1.0)))
    moved = 0.0 if number == PLAIN else 1.0
    return Environment(
        number,
        {
            surface: draw_texture(np.random.default_rng([number, 91, i]), texels)
            for i, (surface, texels) in enumerate(TEXELS.items())
        },
        rng.uniform(0.65, 1.35) * tint,
        float(rng.uniform(0.7, 1.4)),
        rng.uniform(-0.5, 0.5, 2),
        moved * rng.uniform(-_SHIFT_M, _SHIFT_M, 3),
        moved * rng.uniform(-_TURN_RAD, _TURN_RAD, 3),
    )
