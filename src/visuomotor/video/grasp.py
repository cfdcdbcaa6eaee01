"""The hand's path of a demonstration, as a gripper that has the object between its fingers goes it.

An estimated hand may hold an object anywhere within its cuboid, up to some 20 cm from the middle;
Petrik et al. 2020 (section 4.1) have the hand's end in the middle while it touches.
"""

from __future__ import annotations

import numpy as np

from visuomotor.contracts import Float64
from visuomotor.video.actions import find_action
from visuomotor.video.demonstration import ACT, Demonstration


def grasping_path(d: Demonstration) -> Float64:
    """The hand's path (S, 3) m, shifted so that its action begins in the object's middle.

    When it leaves the shift vanishes as fast as the hand nears the end of its way. A demonstration
    without an action stays as it is.
    """
    acting = np.flatnonzero(d.phase == ACT)
    if not len(acting):
        return d.hand_position
    first, last = int(acting[0]), int(acting[-1])
    shift = d.hand_position[first] - d.object_position[first]
    left = np.linalg.norm(d.hand_position - d.hand_position[-1], axis=1)
    share = np.ones(len(d.touch))
    if not find_action(d.action).kept and left[last] > 1e-6:
        share[last + 1 :] = np.clip(left[last + 1 :] / left[last], 0.0, 1.0)
    path: Float64 = d.hand_position - share[:, None] * shift
    return path
