"""A training step of descriptors and expectations in space, beside what their formulas say.

The forms are equal (asserted, values and gradients) before they are timed. One thread and its own
processor time, and the forms alternate within one run: other work on the machine strikes all.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from visuomotor.bench.alternation import ratio
from visuomotor.bench.literal import literal_expected_points, literal_locate, literal_loss
from visuomotor.bench.results import save_result
from visuomotor.dataset import open_dataset
from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.keypoints import describe, locate_in_maps
from visuomotor.descriptors.losses import CellScene, correspondence_loss
from visuomotor.descriptors.matching import Matches
from visuomotor.descriptors.network import DescriptorNetwork, match_logits
from visuomotor.descriptors.soft_matching import expected_points
from visuomotor.networks import Grid, pixels_to_cells, sample_map
from visuomotor.networks.precision import computes_bfloat16
from visuomotor.observations import ObservationSpec
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.demos import write_demos
from visuomotor.training.batches import Steps, valid_steps
from visuomotor.training.correspondences import PairBatch, pair_batch
from visuomotor.training.descriptor_config import DescriptorTrainingConfig
from visuomotor.training.descriptors import batch_loss
from visuomotor.training.loop import one_thread
from visuomotor.training.scenes import Scenes

Form = Callable[[], object]
Loss = Callable[..., Tensor]
TASK, EPISODES, FIRST_SEED = "reach_tr", 3, 860_000
ROUNDS = 5
CONFIG = DescriptorTrainingConfig()


def run(out: Path) -> dict[str, Any]:
    """Measures everything and writes `descriptors.json`; about two minutes."""
    with tempfile.TemporaryDirectory(prefix="visuomotor-bench-") as folder:
        figures = measure(Path(folder))
    return save_result(
        out / "descriptors.json",
        figures,
        "a step of ours: the network's convolutions; the formulas: memory traffic of arrays of "
        "queries x cells x dimensions. Upsampled: maps as large as the images, one pair, because "
        "all of them do not fit into memory as the formulas read",
        "visuomotor bench descriptors",
        range(FIRST_SEED, FIRST_SEED + EPISODES),
    )


def measure(folder: Path) -> dict[str, Any]:
    """Every form's figures, on bags made in `folder`."""
    with one_thread():
        return _figures(_scenes(folder))


def _scenes(folder: Path) -> Scenes:
    world = SimWorld(SimConfig(task=TASK, cameras=("front", "side")))
    write_demos(world, folder, range(FIRST_SEED, FIRST_SEED + EPISODES))
    world.close()
    return Scenes(open_dataset(folder, ObservationSpec(CONFIG.cameras)), CONFIG.model.workspace)


def _figures(scenes: Scenes) -> dict[str, Any]:
    torch.manual_seed(0)
    network = DescriptorNetwork(CONFIG.model)
    steps = valid_steps(scenes.dataset)
    chosen = steps[np.random.default_rng(0).integers(len(steps), size=CONFIG.pairs)]
    step = _Step(network, scenes, chosen)
    return {
        "threads": 1,
        "pairs": CONFIG.pairs,
        "matches_per_pair": CONFIG.matches,
        "bfloat16": computes_bfloat16("cpu"),
        "training_step": _beside(step.forms()),
        "loss_and_gradient": _beside(step.losses()),
        "expectation_3d": _beside(step.expectations()),
        "keypoints_3d": _beside(_keypoints(network, scenes, chosen[:1])),
    }


class _Step:
    """A step of training and its parts, each in several forms, on the same images and draws."""

    def __init__(self, network: DescriptorNetwork, scenes: Scenes, chosen: Steps) -> None:
        self.network, self.scenes, self.chosen = network, scenes, chosen
        self.optimiser = torch.optim.AdamW(network.parameters(), 1e-9)
        self.batch = self.draw()
        with torch.no_grad():
            self.maps = self.describe(self.batch)
        self.cells = self.batch.cell_scenes(self.maps[0].shape[-2:], network.grid)

    def draw(self) -> PairBatch:
        a, b = (self.scenes.at(camera, self.chosen) for camera in self.scenes.cameras)
        return pair_batch(a, b, CONFIG, torch.Generator().manual_seed(0))

    def describe(self, batch: PairBatch) -> tuple[Tensor, Tensor]:
        a, b = self.network(batch.images).chunk(2)
        return a, b

    def forms(self) -> dict[str, Form]:
        """Whole steps: images, matches, masks, network, loss, gradients, Adam."""

        def learn(loss: Tensor) -> None:
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()

        def literal() -> None:
            batch = self.draw()
            a, b = self.describe(batch)
            cells = batch.cell_scenes(a.shape[-2:], self.network.grid)
            learn(literal_loss(a, b, batch.matches, self.network.grid, CONFIG.loss, cells))

        return {
            "ours": lambda: learn(batch_loss(self.network, self.draw(), CONFIG).total),
            "literal": literal,
        }

    def losses(self) -> dict[str, Form]:
        """The loss and its gradient in the maps; also on maps upsampled to the images' size."""

        def of(loss: Loss, maps: Sequence[Tensor], *rest: Any) -> tuple[Tensor, ...]:
            inputs = [m.detach().requires_grad_() for m in maps]
            total = loss(inputs[0], inputs[1], *rest)
            return total.detach(), *torch.autograd.grad(total, inputs)

        def ours_loss(*arguments: Any) -> Tensor:
            return correspondence_loss(*arguments).total

        small: tuple[Any, ...] = (
            self.maps,
            self.batch.matches,
            self.network.grid,
            CONFIG.loss,
            self.cells,
        )
        size = self.batch.images.shape[-2:]
        one = tuple(F.interpolate(m[:1], size=size, mode="bilinear") for m in self.maps)
        sigma = CONFIG.loss.sigma_cells * self.network.stride
        pixels = self.batch.cell_scenes(size, Grid(1))
        large: tuple[Any, ...] = (
            one,
            Matches(*(t[:1] for t in vars(self.batch.matches).values())),
            Grid(1),
            replace(CONFIG.loss, sigma_cells=sigma),
            tuple(CellScene(s.points[:1], s.measured[:1], s.objects[:1]) for s in pixels),
        )
        for case in (small, large):
            _assert_equal(of(ours_loss, *case), of(literal_loss, *case))
        return {
            "ours": lambda: of(ours_loss, *small),
            "literal": lambda: of(literal_loss, *small),
            "ours_upsampled_one_pair": lambda: of(ours_loss, *large),
            "literal_upsampled_one_pair": lambda: of(literal_loss, *large),
        }

    def expectations(self) -> dict[str, Form]:
        """The point that every query of a step is expected at."""
        matches, (source, target), scene = self.batch.matches, self.maps, self.cells[1]
        queries = sample_map(source, pixels_to_cells(matches.pixels_a, self.network.grid))

        def ours() -> Tensor:
            found = []
            for i, (q, m) in enumerate(zip(queries, target, strict=True)):
                p = torch.softmax(match_logits(q[None], m[None])[0], dim=-1)
                found.append(expected_points(p, scene.points[i], scene.measured[i])[0])
            return torch.stack(found)

        def literal() -> Tensor:
            return literal_expected_points(queries, target, scene.points, scene.measured)

        _assert_equal((ours(),), (literal(),))
        return {"ours": ours, "literal": literal}


def _keypoints(network: DescriptorNetwork, scenes: Scenes, chosen: Steps) -> dict[str, Form]:
    """K keypoints in space of one set of two images whose maps are known."""
    cameras = [scenes.at(camera, chosen).views for camera in scenes.cameras]
    with torch.no_grad():
        maps = describe(network, [views.color for views in cameras])
    reference = maps[0][0].flatten(1)[:, : CONFIG.model.keypoints].T.contiguous()
    plain = replace(CONFIG.model, pixel_step=1, radius_m=0.0)

    def ours(config: DescriptorConfig) -> Tensor:
        return locate_in_maps(maps, cameras, reference, network.grid, config).points

    def literal() -> Tensor:
        return literal_locate(maps, cameras, reference, plain)

    _assert_equal((ours(plain),), (literal(),))
    return {
        "ours": lambda: ours(plain),
        "literal": literal,
        "ours_as_used": lambda: ours(CONFIG.model),
    }


def _assert_equal(ours: Sequence[Tensor], literal: Sequence[Tensor]) -> None:
    for one, other in zip(ours, literal, strict=True):
        scale = float(other.abs().max())
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4 * scale)


def _beside(forms: Mapping[str, Form]) -> dict[str, float]:
    """Each form's median milliseconds, and how many times as long as ours the literal one takes."""
    spent: dict[str, list[float]] = {name: [] for name in forms}
    for _ in range(ROUNDS):
        for name, form in forms.items():
            start = time.process_time()
            form()
            spent[name].append(1e3 * (time.process_time() - start))
    figures = {f"{name}_ms": round(float(np.median(ms)), 2) for name, ms in spent.items()}
    beside = ratio(spent["literal"], spent["ours"])
    figures["literal_over_ours"] = round(beside["ratio"], 1)
    figures |= {f"literal_over_ours_{end}": beside[end] for end in ("low", "high")}
    if "literal_upsampled_one_pair" in forms:
        both = (figures[f"{form}_upsampled_one_pair_ms"] for form in ("literal", "ours"))
        figures["upsampled_literal_over_ours"] = round(next(both) / next(both), 1)
    return figures
