"""A checkpoint of each policy family: small networks with random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from visuomotor.checkpoint import save_checkpoint
from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.model import DescriptorModel
from visuomotor.descriptors.network import DescriptorNetwork
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies.bc.config import BcPolicyConfig, EncoderConfig
from visuomotor.policies.bc.policy import make_encoder
from visuomotor.policies.dense import DensePolicyConfig
from visuomotor.policies.goal import GoalConfig
from visuomotor.policies.goal.network import GoalNetwork
from visuomotor.policies.gplac.config import GplacConfig
from visuomotor.policies.gplac.network import GplacNetwork
from visuomotor.policies.gti import GtiConfig
from visuomotor.policies.gti.network import GtiNetwork
from visuomotor.policies.han.config import HanConfig
from visuomotor.policies.han.network import HanNetwork
from visuomotor.policies.han.scales import Scales as HanScales
from visuomotor.policies.heads import HeadConfig, PolicyHead, Scales
from visuomotor.policies.pointbc import CloudConfig, PointBCConfig
from visuomotor.policies.pointbc.network import PointBCNetwork
from visuomotor.policies.pointbc.network import Scales as PointBCScales
from visuomotor.policies.skill.config import SkillConfig
from visuomotor.policies.skill.network import SkillNetwork
from visuomotor.policies.skill.replay import save_replay
from visuomotor.video.examples import example_demonstration

FRONT = CameraSpec("front", 16, 24)
_EYES = EncoderConfig("plain", width=4, points=3)
_HEAD = HeadConfig(hidden=(8,), dropout=0.0)
_DELTA, _WIDTH = torch.full((6,), 0.01), torch.tensor([0.0, 0.08])
_LONGEST = torch.tensor([0.01, 0.05])


def write_tiny_policies(folder: Path) -> dict[str, Path]:
    """Family -> the folder of its checkpoint, below `folder`."""
    torch.manual_seed(0)
    for family, write in _WRITERS.items():
        write(folder / family)
    return {family: folder / family for family in _WRITERS}


def _spec(*cameras: str, depth: bool = True) -> ObservationSpec:
    return ObservationSpec(tuple(CameraSpec(c, 16, 24, depth=depth) for c in cameras))


def _save(
    folder: Path, config: Any, tensors: dict[str, Tensor], scales: Any, spec: ObservationSpec
) -> None:
    normaliser = scales.tensors() if scales is not None else {}
    save_checkpoint(folder, folder.name, config, tensors, normaliser, spec, "Random.\n")


def _scales(shape: tuple[int, ...]) -> Scales:
    return Scales(torch.zeros(shape), torch.full(shape, 0.3), _DELTA, _WIDTH, _LONGEST)


def _named(prefix: str, module: torch.nn.Module) -> dict[str, Tensor]:
    return {f"{prefix}.{k}": t for k, t in module.state_dict().items()}


def _bc(folder: Path) -> None:
    config = BcPolicyConfig(encoder=_EYES, head=_HEAD)
    tensors = _named("encoder", make_encoder(_EYES)) | _named(
        "head", PolicyHead(_HEAD, config.shape)
    )
    _save(folder, config, tensors, _scales(config.shape), _spec("front", depth=False))


def _dense(folder: Path) -> None:
    descriptors = DescriptorConfig(dimensions=4, width=8, keypoints=3, sharpness=20.0)
    config, spec = DensePolicyConfig(descriptors, head=_HEAD), _spec("front")
    model = DescriptorModel(descriptors, DescriptorNetwork(descriptors), torch.rand(3, 4), spec)
    tensors = {f"descriptors.{k}": t for k, t in model.tensors().items()}
    tensors |= _named("head", PolicyHead(_HEAD, config.shape))
    _save(folder, config, tensors, _scales(config.shape), spec)


def _goal(folder: Path) -> None:
    config, spec = GoalConfig(encoder=_EYES, units=8, window=2, modes=2), _spec("front")
    _save(folder, config, GoalNetwork(config, spec.names).state_dict(), _scales((7,)), spec)


def _gplac(folder: Path) -> None:
    config = GplacConfig(channels=(4, 4), head=_HEAD, classifier=(8,))
    network = GplacNetwork(config, (16, 24), False)
    _save(folder, config, network.state_dict(), _scales(network.shape), _spec("front"))


def _gti(folder: Path) -> None:
    config = GtiConfig(encoder=_EYES, latent=3, modes=2, planner=(8,), drawn_px=4, units=4)
    _save(folder, config, GtiNetwork(config, 1).state_dict(), _scales((7,)), _spec("front"))


def _han(folder: Path) -> None:
    config = HanConfig(windows=2, window_px=8, channels=(8, 8, 8, 8, 8), hidden=(8,), chunk=2)
    scales = HanScales(_WIDTH, _LONGEST.repeat(2, 1))
    _save(folder, config, HanNetwork(config, 1).state_dict(), scales, _spec("front"))


def _pointbc(folder: Path) -> None:
    config = PointBCConfig(CloudConfig(), points=20, layers=(8,), hidden=(8,), chunk=2)
    scales = PointBCScales(_DELTA.repeat(2, 1), _WIDTH, _LONGEST.repeat(2, 1))
    _save(folder, config, PointBCNetwork(config).state_dict(), scales, _spec("front"))


def _skill(folder: Path) -> None:
    config, spec = SkillConfig("pick_up", (8,)), ObservationSpec(objects=("object",))
    _save(folder, config, SkillNetwork(config, 1).state_dict(), None, spec)


def _skill_replay(folder: Path) -> None:
    save_replay(folder, example_demonstration("pick_up", 3))


_WRITERS: dict[str, Callable[[Path], None]] = {
    "bc": _bc,
    "dense": _dense,
    "goal": _goal,
    "gplac": _gplac,
    "gti": _gti,
    "han": _han,
    "pointbc": _pointbc,
    "skill": _skill,
    "skill_replay": _skill_replay,
}
