"""Which policy a node runs, on which streams, and how its actions become commands."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from visuomotor.control.chunk_config import ChunkConfig
from visuomotor.sync import load_latency


@dataclass(frozen=True)
class Config(ChunkConfig):
    """Which checkpoint runs, on which streams, and how; ChunkConfig says how it is asked.

    source: "synced" listens to rgbd_sync, "raw" synchronises the drivers' topics in this node;
    calibration is then a file whose poses, intrinsics and latencies win over the topics'.
    compensate: that file's `latency: {command: seconds}` is taken for command_latency_s, for an arm
    that is so much later than the demonstrations' was. settings: a YAML file of what the policy's
    family may be told about arm and place (skills: docs/skills.md). beat: the camera whose sets a
    policy acts on that sees none. object_age_s: of a policy that is told objects' poses, how old
    these may be, 0: any age; keypoints: the first object stands where the mean of these keypoints
    of `descriptors` is. set_age_s: a set stamped longer ago, or further ahead, is not acted on:
    what it shows is over, or the clocks differ. autostart: act at once instead of waiting for
    policy/start. threads: of torch.
    """

    checkpoint: str = ""
    source: Literal["synced", "raw"] = "synced"
    calibration: str = ""
    compensate: bool = False
    goal: str = ""
    settings: str = ""
    beat: str = "front"
    object_age_s: float = 1.0
    keypoints: tuple[int, ...] = ()
    set_age_s: float = 1.0
    autostart: bool = False
    threads: int = 1
    markers: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.threads < 1:
            raise ValueError(f"got threads {self.threads}, expected 1 or more")
        if self.object_age_s < 0:
            raise ValueError(f"got object_age_s {self.object_age_s}, expected 0 or more")
        if not self.set_age_s > 0:
            raise ValueError(f"got set_age_s {self.set_age_s}, expected more than 0")
        if self.compensate and not self.calibration:
            raise ValueError("compensate: got no calibration, expected the file to take it from")

    def set_refusal(self, stamp_ns: int, now_ns: int) -> str:
        """Why a set of this stamp is not acted on; empty: it is."""
        age_s = (now_ns - stamp_ns) * 1e-9
        if abs(age_s) <= self.set_age_s:
            return ""
        when = f"{age_s:.1f} s old" if age_s > 0 else f"{-age_s:.1f} s ahead of this node's clock"
        return (
            f"the sets are {when}, expected up to {self.set_age_s:g} s (set_age_s); synchronise "
            "the clocks, or look at what keeps rgbd_sync from its work; the arm holds"
        )

    def chunks(self) -> ChunkConfig:
        """ChunkConfig's part, with the latency that was measured."""
        values = {f.name: getattr(self, f.name) for f in fields(ChunkConfig)}
        if self.compensate:
            values["command_latency_s"] = load_latency(self.calibration).command_s
        return ChunkConfig(**values)
