"""Recording: the bag schema, writing and repairing episodes, and the catalogue of them."""

from visuomotor.recording.bag_reader import Bag, open_bag
from visuomotor.recording.catalogue import (
    EpisodeInfo,
    describe,
    discard,
    discarded,
    find_episodes,
    find_partial,
    info,
    label,
    restore,
    table,
    trim,
)
from visuomotor.recording.playback import PlayedMessage, play
from visuomotor.recording.reader import read_actions, read_frames, read_gripper_commands
from visuomotor.recording.repair import repair, repair_all
from visuomotor.recording.session import RecordingSession
from visuomotor.recording.sidecar import Marker, Outcome, Sidecar, load_sidecar, save_sidecar
from visuomotor.recording.video import export_video
from visuomotor.recording.writer import EpisodeWriter, WriterConfig

__all__ = [
    "Bag",
    "EpisodeInfo",
    "EpisodeWriter",
    "Marker",
    "Outcome",
    "PlayedMessage",
    "RecordingSession",
    "Sidecar",
    "WriterConfig",
    "describe",
    "discard",
    "discarded",
    "export_video",
    "find_episodes",
    "find_partial",
    "info",
    "label",
    "load_sidecar",
    "open_bag",
    "play",
    "read_actions",
    "read_frames",
    "read_gripper_commands",
    "repair",
    "repair_all",
    "restore",
    "save_sidecar",
    "table",
    "trim",
]
