"""Backbones by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from visuomotor.errors import ConfigError, unknown_name
from visuomotor.networks.backbone import Backbone, CompactBackbone
from visuomotor.networks.efficientnet import EfficientNetLite0
from visuomotor.networks.levine import LevineBackbone
from visuomotor.networks.local import LocalBackbone
from visuomotor.networks.plain import PlainBackbone
from visuomotor.networks.pretrained import load_pretrained
from visuomotor.networks.resnet import RESNET18, RESNET34, ResNet
from visuomotor.networks.vit import ViT, ViTShape
from visuomotor.networks.xfeat import XFeat

_STRIDED: dict[str, Callable[[int, int], Backbone]] = {  # (width, stride)
    "resnet18": lambda _, stride: ResNet(RESNET18, stride=stride),
    "resnet18_narrow": lambda width, stride: ResNet(RESNET18, width, stride, "replicate"),
    "resnet34": lambda _, stride: ResNet(RESNET34, stride=stride),
    "resnet34_narrow": lambda width, stride: ResNet(RESNET34, width, stride, "replicate"),
    "levine": lambda _, stride: LevineBackbone(stride),
    "efficientnet_lite0": lambda _, stride: EfficientNetLite0(stride),
}
_FIXED: dict[str, Callable[[int], Backbone]] = {
    "compact": CompactBackbone,
    "local": lambda _: LocalBackbone(),
    "local_zeros": lambda _: LocalBackbone(padding="zeros"),
    "plain": PlainBackbone,
    "xfeat": lambda _: XFeat(),
}
VITS = {
    f"dinov2_vit{size}14{suffix}": ViTShape(dim, depth, dim // 64, 14, registers, 37)
    for size, dim, depth in (("s", 384, 12), ("b", 768, 12), ("l", 1024, 24))
    for suffix, registers in (("", 0), ("_reg", 4))
} | {
    f"dinov3_vit{size}16": ViTShape(dim, depth, dim // 64, 16, 4)
    for size, dim, depth in (("s", 384, 12), ("b", 768, 12), ("l", 1024, 24))
}
BACKBONES = tuple(sorted([*_STRIDED, *_FIXED, *VITS]))


def make_backbone(
    name: str,
    *,
    width: int = 32,
    stride: int | None = None,
    weights: Path | str | None = None,
) -> Backbone:
    """The backbone `name` (one of BACKBONES), randomly initialised or with published weights.

    width: channels of the first layer of compact, plain and the narrow ResNets; the others have
    their own.
    stride: pixels per cell; None is 8 for a ResNet and EfficientNet, 4 for levine, its only one for
    the others.
    weights: as `load_pretrained` takes them. Raises ConfigError for what does not exist.
    """
    if width < 1:
        raise ConfigError(f"{name}: got width {width}, expected at least one channel")
    if name in _STRIDED:
        try:
            usual = 4 if name == "levine" else 8
            backbone = _STRIDED[name](width, usual if stride is None else stride)
        except ValueError as error:
            raise ConfigError(str(error)) from error
    elif name in _FIXED:
        backbone = _FIXED[name](width)
    elif name in VITS:
        backbone = ViT(VITS[name])
    else:
        raise ConfigError(unknown_name("backbone", name, BACKBONES))
    if stride not in (None, backbone.stride):
        raise ConfigError(
            f"{name}: got stride {stride}, expected {backbone.stride}, the only one it has"
        )
    if weights is not None:
        load_pretrained(backbone, weights)
    return backbone
