"""Vision transformers: patches and pixels, positions, registers, weights from a file."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from visuomotor.errors import CheckpointError
from visuomotor.networks import cell_pixels, load_pretrained
from visuomotor.networks.vit import ViT, ViTShape, rotary_angles

LEARNED = ViTShape(dim=32, depth=2, heads=2, patch=14, registers=3, positions=4)
ROTARY = ViTShape(dim=32, depth=2, heads=2, patch=16, registers=2)


def make(shape: ViTShape) -> ViT:
    torch.manual_seed(0)
    return ViT(shape).eval()


@pytest.mark.parametrize("shape", [LEARNED, ROTARY])
@pytest.mark.parametrize(("height", "width"), [(56, 56), (61, 75), (33, 90)])
def test_a_cell_per_started_patch(shape: ViTShape, height: int, width: int) -> None:
    features = make(shape)(torch.zeros(2, 3, height, width))
    assert features.shape == (2, 32, -(-height // shape.patch), -(-width // shape.patch))
    assert features.isfinite().all()


@pytest.mark.parametrize("patch", [14, 16])
def test_cells_are_centred_on_their_patches_in_an_image_of_any_size(patch: int) -> None:
    """Without blocks, a cell's gradient covers exactly its patch."""
    backbone = make(ViTShape(32, 0, 2, patch, positions=4))
    images = torch.rand(1, 3, 61, 75, requires_grad=True)
    features = backbone(images)
    h, w = features.shape[-2:]
    places = cell_pixels(h, w, backbone.grid).reshape(h, w, 2)
    for row, column in ((0, 0), (1, 2), (h - 2, w - 2)):
        (gradient,) = torch.autograd.grad(features[0, 3, row, column], images, retain_graph=True)
        v, u = gradient[0].abs().sum(0).nonzero(as_tuple=True)
        extent = torch.tensor([u.min() + u.max(), v.min() + v.max()]) / 2
        torch.testing.assert_close(extent, places[row, column])
        assert len(u) == patch**2


@pytest.mark.parametrize("shape", [LEARNED, ROTARY])
def test_registers_matter(shape: ViTShape) -> None:
    backbone = make(shape)
    with torch.no_grad():
        before = backbone(torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(0)))
        backbone.register_tokens.normal_()
        after = backbone(torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(0)))
    assert (before - after).abs().max() > 1e-4


def test_positions_of_the_trained_size_are_taken_as_they_are() -> None:
    backbone = make(LEARNED)
    torch.testing.assert_close(backbone._positions(4, 4), backbone.pos_embed[:, 1:])
    with torch.no_grad():  # a ramp stays a ramp in the middle of a larger map
        ramp = torch.arange(4.0).repeat(4)[None, :, None]
        backbone.pos_embed[:, 1:] = ramp.expand(-1, -1, 32)
        row = backbone._positions(8, 8)[0, :, 0].reshape(8, 8)[4]
    torch.testing.assert_close(row[3:5], torch.tensor([1.25, 1.75]), atol=1e-3, rtol=0)


def test_rotary_attention_depends_on_the_distance_alone() -> None:
    """Q turned at one place times k turned at another: the same wherever the pair is."""
    angles = rotary_angles(4, 5, 8).reshape(4, 5, 8)

    def turned(x: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
        p, q = x.chunk(2, -1)
        return x * a.cos() + torch.cat([-q, p], -1) * a.sin()

    q, k = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    here = turned(q, angles[0, 0]) @ turned(k, angles[1, 2])
    there = turned(q, angles[2, 1]) @ turned(k, angles[3, 3])
    elsewhere = turned(q, angles[2, 1]) @ turned(k, angles[3, 4])
    torch.testing.assert_close(here, there)
    assert (here - elsewhere).abs() > 1e-3


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_weights_come_from_a_file(tmp_path: Path, suffix: str) -> None:
    source = make(LEARNED)
    published = {**source.state_dict(), "mask_token": torch.zeros(1, 32)}
    path = tmp_path / f"vit.{suffix}"
    if suffix == "pth":
        torch.save(published, path)
    else:
        save_file(published, str(path))
    torch.manual_seed(1)
    loaded = ViT(LEARNED).eval()
    load_pretrained(loaded, path)
    images = torch.rand(1, 3, 50, 60)
    with torch.no_grad():
        torch.testing.assert_close(loaded(images), source(images))


def test_dinov3s_names_and_masked_bias_are_understood(tmp_path: Path) -> None:
    source = make(ROTARY)
    published = dict(source.state_dict())
    published["storage_tokens"] = published.pop("register_tokens")
    for i in range(2):
        name = f"blocks.{i}.attn.qkv.bias"
        mask = torch.ones(96)
        mask[32:64] = 0
        published[f"{name}_mask"] = mask
        published[name] = published[name].masked_fill(mask == 0, torch.nan)
    save_file(published, str(tmp_path / "v3.safetensors"))
    torch.manual_seed(1)
    loaded = ViT(ROTARY).eval()
    load_pretrained(loaded, tmp_path / "v3.safetensors")
    with torch.no_grad():
        for block in source.blocks:
            block.attn.qkv.bias[32:64] = 0  # type: ignore[union-attr, index, operator]
        images = torch.rand(1, 3, 48, 64)
        torch.testing.assert_close(loaded(images), source(images))


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    save_file(make(LEARNED).state_dict(), str(tmp_path / "vit.safetensors"))
    other = ViT(ViTShape(dim=32, depth=3, heads=2, patch=14, registers=3, positions=4))
    with pytest.raises(CheckpointError, match=r"blocks\.2\.\S+ is missing"):
        load_pretrained(other, tmp_path / "vit.safetensors")
