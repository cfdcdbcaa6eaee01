"""Stamped streams of cameras and robot -> `SyncedFrame`s, with skew and reasons of drops."""

from visuomotor.sync.calibration import CameraCalibration, load_calibration
from visuomotor.sync.config import SyncConfig
from visuomotor.sync.latency import Latency, load_latency
from visuomotor.sync.statistics import REASONS, StreamStats, SyncStats
from visuomotor.sync.synchroniser import FrameSynchroniser

__all__ = [
    "REASONS",
    "CameraCalibration",
    "FrameSynchroniser",
    "Latency",
    "StreamStats",
    "SyncConfig",
    "SyncStats",
    "load_calibration",
    "load_latency",
]
