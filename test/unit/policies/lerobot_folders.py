"""LeRobot's folder of a trained policy, written by hand: all of it but weights that fit."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from visuomotor.config import save_yaml
from visuomotor.observations import CameraSpec, ObservationSpec

SPEC = ObservationSpec((CameraSpec("front", 24, 32, depth=False),))
INPUTS = {
    "observation.state": {"type": "STATE", "shape": [10]},
    "observation.images.front": {"type": "VISUAL", "shape": [3, 24, 32]},
}
STEPS = {
    "policy_preprocessor": (
        "rename_observations_processor",
        "to_batch_processor",
        "device_processor",
        "normalizer_processor",
    ),
    "policy_postprocessor": ("unnormalizer_processor", "device_processor"),
}


def write_folder(folder: Path, **config: Any) -> Path:
    """A folder of the family `act`, with these departures in its config.json."""
    folder.mkdir(parents=True)
    outputs = {"action": {"type": "ACTION", "shape": [10]}}
    values = {"type": "act", "input_features": INPUTS, "output_features": outputs, **config}
    write_json(folder / "config.json", values)
    for name, steps in STEPS.items():
        listed: list[dict[str, Any]] = [{"registry_name": s, "config": {}} for s in steps]
        for number, step in enumerate(listed):
            if "normalizer" in step["registry_name"]:
                step["state_file"] = f"{name}_step_{number}.safetensors"
                statistics = {"action.mean": torch.zeros(10), "action.std": torch.ones(10)}
                save_file(statistics, str(folder / step["state_file"]))
        write_json(folder / f"{name}.json", {"name": name, "steps": listed})
    save_file({"weight": torch.ones(2)}, str(folder / "model.safetensors"))
    save_yaml(SPEC, folder / "observation.yaml")
    return folder


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def write_json(path: Path, values: Any) -> None:
    path.write_text(json.dumps(values))
