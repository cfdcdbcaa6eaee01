"""Recording: the bag schema, writing and repairing episodes, and the catalogue of them."""

from visuomotor.recording.reader import open_bag, read_actions, read_frames, read_gripper_commands
from visuomotor.recording.sidecar import Marker, Outcome, Sidecar, load_sidecar, save_sidecar
from visuomotor.recording.writer import EpisodeWriter, WriterConfig

__all__ = [
    "EpisodeWriter",
    "Marker",
    "Outcome",
    "Sidecar",
    "WriterConfig",
    "load_sidecar",
    "open_bag",
    "read_actions",
    "read_frames",
    "read_gripper_commands",
    "save_sidecar",
]
