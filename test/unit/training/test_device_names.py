"""Devices by name, states that change place, networks off the CPU, and the stand-in itself."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from marked_device import ELSEWHERE, Marked, elsewhere
from torch import Tensor, nn

from visuomotor.checkpoint import load_tensors
from visuomotor.cli import main
from visuomotor.errors import ConfigError
from visuomotor.networks import Backbone, make_backbone
from visuomotor.networks.local import CellNorm
from visuomotor.networks.vit import ViT, ViTShape
from visuomotor.training.device import CPU, choose, find_device
from visuomotor.training.state import TrainingState

pytestmark = pytest.mark.filterwarnings("ignore:.*copying from a non-meta parameter.*")


def backbones() -> dict[str, Backbone]:
    """One of every kind, small where it can be."""
    names = ["compact", "efficientnet_lite0", "levine", "local", "plain", "resnet18_narrow"]
    shapes = {"rotary": ViTShape(16, 1, 2, 8, 4), "learned": ViTShape(16, 1, 2, 8, 0, 3)}
    made = {name: make_backbone(name, width=8) for name in (*names, "xfeat")}
    return made | {name: ViT(shape) for name, shape in shapes.items()}


def test_every_kind_of_backbone() -> None:
    for name, backbone in backbones().items():
        with elsewhere() as device:
            maps = backbone.to(device)(torch.rand(2, 3, 32, 48).to(device))
            maps.square().sum().backward()
        assert isinstance(maps, Marked), name
        assert all(isinstance(p.grad, Marked) for p in backbone.parameters()), name


def test_a_norm_of_reduced_precision_keeps_its_dtype() -> None:
    """The CPU's takes bfloat16 and weights of float32, a GPU's does not."""
    x = torch.randn(2, 8, 3, 4, dtype=torch.bfloat16)
    norm = CellNorm(8)
    here = norm(x)
    with elsewhere() as device:
        there = norm.to(device)(x.to(device)).cpu()
        with pytest.raises(RuntimeError, match="one dtype"):
            norm.norm(x.movedim(1, -1).to(device))
    assert here.dtype == there.dtype == torch.bfloat16
    torch.testing.assert_close(here, there)


@pytest.mark.parametrize(
    ("name", "gpus", "processes", "expected"),
    [
        ("auto", 0, 1, "cpu"),
        ("auto", 2, 1, "cuda"),
        ("auto", 2, 2, "cuda"),
        ("auto", 2, 3, "cpu"),
        ("cpu", 2, 1, "cpu"),
        ("cuda", 1, 1, "cuda"),
        ("cuda:1", 2, 1, "cuda:1"),
    ],
)
def test_a_name_stands_for_a_device(name: str, gpus: int, processes: int, expected: str) -> None:
    assert choose(name, gpus, processes) == torch.device(expected)


@pytest.mark.parametrize(
    ("name", "gpus", "processes", "expected"),
    [
        ("cuda", 0, 1, "got cuda, but torch finds no GPU (torch "),
        ("cuda:2", 2, 1, "got cuda:2, but torch finds cuda:0, cuda:1; say auto or cpu"),
        ("cuda", 1, 2, "got cuda for 2 processes, but torch finds cuda:0"),
        ("cuda:0", 2, 2, "got cuda:0 for 2 processes, expected cuda: each takes"),
        ("gpu", 1, 1, "got 'gpu', expected auto"),
        ("cuda:", 1, 1, "got 'cuda:', expected auto"),
        ("cuda:-1", 1, 1, "got 'cuda:-1', expected auto"),
    ],
)
def test_a_device_that_is_not_there(name: str, gpus: int, processes: int, expected: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(expected)):
        choose(name, gpus, processes)


def test_a_training_says_at_once_that_its_device_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = ["--dataset", str(tmp_path), "--out", str(tmp_path / "out")]
    for command in (["train", "goal", *folders], ["study", "run", "gti"]):
        assert main([*command, "--device", "cuda:99"]) != 0
        assert "device: got cuda:99, but torch finds" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_auto_is_what_torch_finds() -> None:
    assert (find_device("auto").type == "cuda") == torch.cuda.is_available()
    assert find_device("cpu") == CPU


def parts(out: Path, devices: Sequence[torch.device]) -> dict[str, Tensor]:
    """What is saved of a small training that goes on on one device after the other."""
    out.mkdir()
    with elsewhere():
        for done, device in enumerate(devices):
            torch.manual_seed(done)
            model = nn.Linear(3, 2).to(device)
            optimiser = torch.optim.AdamW(model.parameters(), 0.1)
            state = TrainingState(out, "key")
            assert state.restore(model, optimiser) == done
            model(torch.ones(4, 3).to(device)).square().sum().backward()
            optimiser.step()
            moments = [v for s in optimiser.state.values() for k, v in s.items() if k != "step"]
            assert {t.device for t in (*model.parameters(), *moments)} == {device}
            state.save(done + 1, model, optimiser)
    return load_tensors(out / "state" / f"{len(devices)}.safetensors")


def test_a_run_goes_on_on_another_device(tmp_path: Path) -> None:
    """Weights and moments are saved on the CPU, and restored to where the run goes on."""
    here = parts(tmp_path / "here", [CPU, CPU, CPU])
    across = parts(tmp_path / "across", [CPU, ELSEWHERE, CPU])
    assert here.keys() == across.keys()
    assert all(torch.equal(tensor, across[name]) for name, tensor in here.items())


def test_the_stand_in_refuses_what_a_gpu_would() -> None:
    with elsewhere() as device:
        there, here = torch.ones(2, 3).to(device), torch.ones(2, 3)
        assert isinstance(there, Marked)
        assert there.device == torch.zeros(2, device=device).device == device
        for mix in (
            lambda: there + here,
            lambda: torch.cat([here, there]),
            lambda: torch.where(here > 0, there, 0.0),
            lambda: there @ here.T,
            lambda: there[torch.tensor([0])],
            lambda: nn.Linear(3, 2)(there),
        ):
            with pytest.raises(RuntimeError, match="on one device"):
                mix()
        with pytest.raises(RuntimeError, match="numpy"):
            there.numpy()
        generator = torch.Generator()
        for draw in (
            lambda: torch.rand(2, generator=generator, device=device),
            lambda: torch.multinomial(there, 1, generator=generator),
        ):
            with pytest.raises(RuntimeError, match="generator of the CPU"):
                draw()
        assert isinstance(there * torch.tensor(2.0), Marked), "single numbers may be anywhere"
        assert (there + there).cpu().tolist() == [[2.0] * 3] * 2
        assert there.new_tensor([1.5]).tolist() == [1.5]
