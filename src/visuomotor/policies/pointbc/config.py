"""What an EE-PointBC policy is."""

from __future__ import annotations

from dataclasses import dataclass

from visuomotor.descriptors.config import Workspace


@dataclass(frozen=True)
class CloudConfig:
    """Which points of all cameras make the cloud.

    workspace: the box in base that is kept, without the table's surface. robot: keep the robot's
    own points, too. They tell where the hand truly is, so that with them a policy learns to read
    off the noise that is added to the hand's pose in training, instead of where the objects are.
    """

    workspace: Workspace = Workspace()
    robot: bool = False


@dataclass(frozen=True)
class PointBCConfig:
    """A PointNet on the cloud in the hand's frame, and an MLP that gives a chunk of actions.

    points: how many of the cloud the network gets, at random while training and evenly spread
    when it runs. layers: of the PointNet. hidden, dropout: of the MLP. chunk: actions that are
    predicted, one per control step. absolute: tell it where in base the hand is, for goals that
    are fixed in the world and not marked in the scene; without it, it knows the hand's height and
    tilt alone.
    """

    cloud: CloudConfig = CloudConfig()
    points: int = 256
    layers: tuple[int, ...] = (64, 128, 256)
    hidden: tuple[int, ...] = (256, 256)
    dropout: float = 0.0
    chunk: int = 8
    absolute: bool = False

    def __post_init__(self) -> None:
        sizes = (self.points, self.chunk, *self.layers, *self.hidden)
        if not self.layers or not self.hidden or min(sizes) < 1 or not 0 <= self.dropout < 1:
            raise ValueError(
                f"pointbc: got points {self.points}, chunk {self.chunk}, layers {self.layers}, "
                f"hidden {self.hidden}, dropout {self.dropout}; expected positive sizes and "
                "0 <= dropout < 1"
            )
