"""A side of the loaders' comparison: robomimic's SequenceDataset of the same demonstrations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from visuomotor.bench.peers.loading import CAMERAS, SPEC, Batch, serve_loader, torch_stream
from visuomotor.bench.peers.sides import given
from visuomotor.dataset import open_dataset
from visuomotor.interchange.lerobot_export import runs_of
from visuomotor.policies.lerobot.features import vectors

KEYS = {camera: f"{camera}_image" for camera in CAMERAS}
STATE = "robot0_state"


class Robomimic:
    """An HDF5 file as `dataset_states_to_obs.py` writes it: images raw, uint8, without next_obs.

    cache: robomimic's hdf5_cache_mode: all, low_dim or None.
    """

    def __init__(self, bags: Path, own: Path, file: Path, cache: str | None, length: int) -> None:
        self.bags, self.own, self.file, self.cache, self.length = bags, own, file, cache, length

    def prepare(self) -> None:
        """See `Loader`."""
        import h5py

        partial = self.file.with_suffix(".partial")
        with h5py.File(partial, "w") as written:
            data = written.create_group("data")
            data.attrs["env_args"] = json.dumps({"env_name": "lift", "type": 1, "env_kwargs": {}})
            total = 0
            for episode in open_dataset(self.bags, SPEC, self.own).episodes:
                states = vectors(episode.T_base_ee, episode.gripper_width_m)
                actions = vectors(episode.action_pose, episode.action_width_m)
                for start, stop in runs_of(episode.action_valid):
                    demo = data.create_group(f"demo_{len(data)}")
                    demo.attrs["num_samples"] = stop - start
                    demo.create_dataset("actions", data=actions[start:stop])
                    demo.create_dataset(f"obs/{STATE}", data=states[start:stop])
                    for camera, key in KEYS.items():
                        images = np.asarray(episode.color[camera][start:stop])
                        demo.create_dataset(f"obs/{key}", data=images)
                    total += stop - start
            data.attrs["total"] = total
        partial.rename(self.file)

    def open(self) -> int:
        """See `Loader`."""
        import robomimic.utils.obs_utils as obs_utils
        from robomimic.utils.dataset import SequenceDataset

        obs_utils.initialize_obs_utils_with_obs_specs(
            {"obs": {"rgb": list(KEYS.values()), "low_dim": [STATE]}}
        )
        self.process = obs_utils.process_obs_dict
        self.dataset = SequenceDataset(
            hdf5_path=str(self.file),
            obs_keys=[*KEYS.values(), STATE],
            dataset_keys=["actions"],
            seq_length=self.length,
            pad_seq_length=False,
            hdf5_cache_mode=self.cache,
            load_next_obs=False,
        )
        return len(self.dataset)

    def stream(self, rows: Iterable[list[int]], workers: int) -> Iterator[Any]:
        """See `Loader`."""
        return torch_stream(self.dataset, rows, workers)

    def ready(self, batch: dict[str, Any]) -> Batch:
        """See `Loader`; by robomimic's own processing of observations."""
        seen = self.process(batch["obs"])
        images = {camera: seen[key].float() for camera, key in KEYS.items()}
        return {**images, "state": seen[STATE].float(), "action": batch["actions"].float()}


if __name__ == "__main__":
    values = given()
    serve_loader(
        Robomimic(
            Path(values["bags"]),
            Path(values["cache"]),
            Path(values["file"]),
            values["mode"],
            values["window"],
        ),
        values["batch"],
        values["workers"],
        values["seed"],
    )
