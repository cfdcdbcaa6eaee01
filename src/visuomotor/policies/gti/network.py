"""The network of the first stage."""

from __future__ import annotations

from torch import nn

from visuomotor.policies.cameras import ObservationEncoder
from visuomotor.policies.gti.config import GtiConfig
from visuomotor.policies.gti.controller import Controller
from visuomotor.policies.gti.planner import Planner


class GtiNetwork(nn.Module):
    """Encoder, planner and controller for `cameras` cameras; the two share the encoder."""

    def __init__(self, config: GtiConfig, cameras: int) -> None:
        super().__init__()
        self.config = config
        self.encoder = ObservationEncoder(config.encoder, cameras)
        self.planner = Planner(config, self.encoder.features, cameras)
        self.controller = Controller(config, self.encoder.features)
