"""Windows of consecutive steps as batches of arrays; random access, nothing is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visuomotor.dataset.arrays import STEP_FIELDS, EpisodeArrays, joined
from visuomotor.errors import DataError, unknown_name
from visuomotor.observations import depth_m_from_mm

if TYPE_CHECKING:
    import torch

Int64 = NDArray[np.int64]
Batch = dict[str, NDArray[Any]]


class Windows:
    """All windows of `length` steps; `batch` gathers any of them.

    index: (N, 2) episode and first step of each window. With `pad_before` and `pad_after` windows
    may begin before the first step and end after the last: the edge is repeated and masked.
    Windows in which no step has both a set and an action are left out.
    """

    def __init__(
        self,
        episodes: Sequence[EpisodeArrays],
        length: int,
        stride: int = 1,
        pad_before: int = 0,
        pad_after: int = 0,
        cameras: Sequence[str] | None = None,
        depth: bool = True,
    ) -> None:
        if length < 1 or stride < 1 or not 0 <= pad_before < length or not 0 <= pad_after < length:
            raise DataError(
                f"windows: got length {length}, stride {stride}, pad_before {pad_before}, "
                f"pad_after {pad_after}; expected length and stride >= 1, pads in [0, length)"
            )
        self.length = length
        self.episodes = list(episodes)
        known = list(self.episodes[0].color) if self.episodes else []
        self.cameras = tuple(known if cameras is None else cameras)
        for camera in self.cameras:
            if camera not in known:
                raise DataError(unknown_name("camera", camera, known))
        self.depth = depth
        self._lengths = np.array([len(e) for e in self.episodes], np.int64)
        self._first = np.cumsum([0, *self._lengths])
        self._steps = {
            field: joined([getattr(e, field) for e in self.episodes])
            for field in (STEP_FIELDS if self.episodes else ())
        }
        self._K = {c: np.array([e.K[c] for e in self.episodes]) for c in self.cameras}
        self.index = self._enumerate(stride, pad_before, pad_after)

    def __len__(self) -> int:
        return len(self.index)

    def batch(self, windows: ArrayLike) -> Batch:
        """The windows (B,) by number, as arrays.

        stamps_ns, T_base_ee, gripper_width_m, q, action_pose, action_width_m (B, T, ...);
        mask (B, T): there is a set; action_mask (B, T): there is a set and an action.
        Per camera: "front/color" (B, T, H, W, 3) uint8, "front/depth_m" (B, T, H, W) float32
        metres, "front/K" (B, 3, 3), "front/T_base_camera" (B, T, 4, 4). episode (B,).
        """
        chosen = self.index[np.atleast_1d(np.asarray(windows, np.int64))]
        episode = chosen[:, 0]
        lengths = self._lengths[episode]
        step = chosen[:, 1:] + np.arange(self.length)  # (B, T)
        inside = (step >= 0) & (step < lengths[:, None])
        step = np.clip(step, 0, lengths[:, None] - 1)
        rows = self._first[episode][:, None] + step
        out: Batch = {field: values[rows] for field, values in self._steps.items()}
        out["mask"] = out.pop("valid") & inside
        out["action_mask"] = out.pop("action_valid") & out["mask"]
        out["episode"] = episode
        for camera in self.cameras:
            out[f"{camera}/color"] = self._gather("color", camera, episode, step)
            if self.depth and camera in self.episodes[0].depth_mm:
                out[f"{camera}/depth_m"] = self._gather("depth_mm", camera, episode, step)
            out[f"{camera}/K"] = self._K[camera][episode]
            out[f"{camera}/T_base_camera"] = self._extrinsics(camera, episode, step)
        return out

    def torch_batch(self, windows: ArrayLike, device: str = "cpu") -> dict[str, torch.Tensor]:
        """`batch` as tensors: poses and widths as float32, images and masks as they are."""
        import torch

        tensors = {k: torch.from_numpy(v) for k, v in self.batch(windows).items()}
        return {
            k: (t.float() if t.dtype == torch.float64 else t).to(device) for k, t in tensors.items()
        }

    def _enumerate(self, stride: int, pad_before: int, pad_after: int) -> Int64:
        found = [np.zeros((0, 2), np.int64)]
        for i, e in enumerate(self.episodes):
            starts = np.arange(-pad_before, len(e) - self.length + pad_after + 1, stride)
            total = np.concatenate([[0], np.cumsum(e.valid & e.action_valid)])
            low, high = np.clip(starts, 0, len(e)), np.clip(starts + self.length, 0, len(e))
            starts = starts[total[high] > total[low]]
            found.append(np.stack([np.full(len(starts), i), starts], axis=1).astype(np.int64))
        return np.concatenate(found)

    def _gather(self, kind: str, camera: str, episode: Int64, step: Int64) -> NDArray[Any]:
        """(B, T, H, W, ...) images; depth in metres, window by window while it is in the cache."""
        first, depth = getattr(self.episodes[0], kind)[camera], kind == "depth_mm"
        out = np.empty((*step.shape, *first.shape[1:]), np.float32 if depth else first.dtype)
        for b, (e, steps) in enumerate(zip(episode, step, strict=True)):
            low, high = int(steps[0]), int(steps[-1]) + 1
            images = getattr(self.episodes[e], kind)[camera]
            images = images[low:high] if high - low == self.length else images[steps]
            out[b] = depth_m_from_mm(images) if depth else images
        return out

    def _extrinsics(self, camera: str, episode: Int64, step: Int64) -> NDArray[Any]:
        out = np.empty((*step.shape, 4, 4))
        for b, (e, steps) in enumerate(zip(episode, step, strict=True)):
            T = self.episodes[e].T_base_camera[camera]
            out[b] = T if T.ndim == 2 else T[steps]
        return out
