"""One synchronised set -> the messages of the bag, its images compressed in worker threads."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from visuomotor.contracts import SyncedFrame, UInt8, UInt16
from visuomotor.recording import messages
from visuomotor.recording.compression import (
    DEPTH_FORMAT,
    ColorFormat,
    color_format,
    compress_color,
    compress_depth,
)
from visuomotor.recording.schema import ROBOT_TOPICS, camera_topics


@dataclass(frozen=True)
class Entry:
    """One message of a bag; its bytes may still be in the making."""

    topic: str
    msgtype: str
    stamp_ns: int
    cdr: bytes | Future[bytes]

    def bytes(self) -> bytes:
        """The serialised message; waits for it, and raises what its worker raised."""
        return self.cdr.result() if isinstance(self.cdr, Future) else self.cdr


class SetEncoder:
    """Encodes sets; extrinsics are given with the first set and whenever they changed."""

    def __init__(self, color: ColorFormat, jpeg_quality: int, workers: int) -> None:
        self._color_format, self._jpeg_quality = color, jpeg_quality
        self._pool = ThreadPoolExecutor(workers, "compress")
        self._extrinsics: dict[str, bytes] = {}

    def encode(self, frame: SyncedFrame) -> tuple[Entry, ...]:
        """The messages of a set; its arrays must not change until they are written."""
        stamp, robot = frame.stamp_ns, frame.robot
        entries: list[Entry] = []
        for name, camera in frame.cameras.items():
            optical = messages.optical_frame(name)
            T = camera.T_base_camera
            made: dict[str, bytes | Future[bytes]] = {
                f"/synced/{name}/camera_info": messages.camera_info_cdr(
                    stamp, camera.camera, optical
                ),
                f"/synced/{name}/color/compressed": self._pool.submit(
                    self._color, stamp, optical, camera.color
                ),
            }
            if self._extrinsics.get(name) != T.tobytes():
                self._extrinsics[name] = T.tobytes()
                made[f"/{name}/extrinsics"] = messages.transform_cdr(stamp, T, optical)
            if camera.depth_mm is not None:
                made[f"/synced/{name}/depth/compressedDepth"] = self._pool.submit(
                    _depth, stamp, optical, camera.depth_mm
                )
            entries += [
                Entry(topic, msgtype, stamp, made[topic])
                for topic, msgtype in camera_topics(name).items()
                if topic in made
            ]
        state = (
            messages.pose_cdr(stamp, robot.T_base_ee),
            messages.joints_cdr(stamp, robot.q, robot.dq, robot.gripper_width_m),
        )
        for (topic, msgtype), cdr in zip(ROBOT_TOPICS.items(), state, strict=True):
            entries.append(Entry(topic, msgtype, stamp, cdr))
        return tuple(entries)

    def close(self) -> None:
        """Ends the workers."""
        self._pool.shutdown()

    def _color(self, stamp_ns: int, frame_id: str, rgb: UInt8) -> bytes:
        data = compress_color(rgb, self._color_format, self._jpeg_quality)
        return messages.image_cdr(stamp_ns, frame_id, color_format(self._color_format), data)


def _depth(stamp_ns: int, frame_id: str, depth_mm: UInt16) -> bytes:
    return messages.image_cdr(stamp_ns, frame_id, DEPTH_FORMAT, compress_depth(depth_mm))
