"""What is true of a made video, in the words of an estimator."""

from __future__ import annotations

import numpy as np

from visuomotor.bench.real2sim.known_videos import Known
from visuomotor.geometry import rotvec_from_matrix
from visuomotor.sim.hand_video import HAND_LENGTH_M, HEIGHT, RATE_HZ, WIDTH
from visuomotor.video.camera import FOCAL_PER_WIDTH
from visuomotor.video.states import VideoStates


def true_states(known: Known, name: str) -> VideoStates:
    """The states of a made video as a perfect estimator would give them: without any spread."""
    count, view = len(known.moved), known.view
    action = known.phases.action
    still = known.static
    touch = np.zeros(count)
    touch[slice(*action)] = 1.0
    if known.action == "pick_up":
        touch[action[0] :] = 1.0
    return VideoStates(
        name=name,
        rate_hz=RATE_HZ,
        camera=np.array([view.distance_m, view.azimuth_rad, view.elevation_rad]),
        focal_px=FOCAL_PER_WIDTH * WIDTH,
        size=np.array([WIDTH, HEIGHT]),
        hand_position=known.hand,
        hand_azimuth=known.azimuth,
        hand_elevation=known.elevation,
        hand_length=HAND_LENGTH_M,
        touch=touch,
        moved_position=known.moved,
        moved_rotation=np.asarray(rotvec_from_matrix(known.moved_rotation)),
        moved_size=known.sizes_m[0],
        static_position=still,
        static_rotation=None if still is None else np.zeros(3),
        static_size=None if still is None else known.sizes_m[1],
        action_frames=np.array(action),
        hand_spread=np.zeros(count),
        moved_spread=np.zeros(count),
        loss=0.0,
        losses=np.zeros(1),
        onto=known.action == "put_onto",
    )
