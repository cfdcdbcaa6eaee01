"""Training a GPLAC policy: the joint objective, its warm-up, the baselines, and what resumes."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from blob_images import scene, write_blobs
from safetensors.torch import save_file
from tiny_networks import after, files_of
from torch import Tensor

from visuomotor.checkpoint import load_checkpoint, load_into, load_tensors
from visuomotor.cli import main
from visuomotor.config import from_mapping, read_yaml
from visuomotor.dataset import Dataset, open_dataset, read_weak_images
from visuomotor.errors import ConfigError, DataError, Interrupted
from visuomotor.networks import normalise_color
from visuomotor.observations import CameraSpec, ObservationSpec, observe
from visuomotor.policies import load_policy
from visuomotor.policies.gplac import GplacConfig, GplacPolicy
from visuomotor.policies.gplac.network import GplacNetwork
from visuomotor.policies.heads import HeadConfig
from visuomotor.recording import read_frames
from visuomotor.ros.launch import share_folder
from visuomotor.training import train
from visuomotor.training.auxiliary import WeakTask
from visuomotor.training.gplac import (
    GplacTrainingConfig,
    begun_network,
    feature_scales,
    train_gplac,
)
from visuomotor.training.gplac_objective import Objective
from visuomotor.training.image_augmentation import STRONG
from visuomotor.training.images import camera_images
from visuomotor.training.samples import find_samples

SIZE = (24, 32)
CONFIG = GplacTrainingConfig(
    camera=CameraSpec("front", *SIZE, depth=False),
    channels=(12, 12, 8),
    head=HeadConfig(hidden=(32,), dropout=0.0),
    classifier=(32,),
    dropout=0.0,
    steps=12,
    batch=4,
    learning_rate=5e-3,
)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Layers this small run slower on more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A hundred images of either label."""
    return str(write_blobs(tmp_path_factory.mktemp("weak") / "w", 100))


@pytest.fixture(scope="module")
def gplac(demos: Path, weak: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy that was trained with weak images."""
    out = tmp_path_factory.mktemp("trained") / "gplac"
    train_gplac(replace(CONFIG, weak=weak, steps=300), demos, out)
    return out


def rows_of(out: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((out / "progress.csv").open()))


def network_of(out: Path) -> GplacNetwork:
    checkpoint = load_checkpoint(out, "gplac")
    config = from_mapping(GplacConfig, checkpoint.config)
    classifies = any(name.startswith("classifier.") for name in checkpoint.tensors)
    network = GplacNetwork(config, SIZE, classifies)
    load_into(network, checkpoint.tensors, str(out))
    return network.eval()


def objective_of(config: GplacTrainingConfig, demos: Path) -> tuple[Objective, Dataset]:
    dataset = open_dataset(demos, ObservationSpec((config.camera,)))
    samples = find_samples(dataset)
    network = begun_network(config, config.policy())
    weak = read_weak_images(Path(config.weak), SIZE)
    task = WeakTask(config, weak, config.steps)
    images = camera_images(dataset, "front", samples.steps)
    scales = feature_scales(config, network, samples)
    objective = Objective(config, network, images, samples, scales, task)
    objective.model.train()
    return objective, dataset


def a_step(objective: Objective, number: int, seed: int = 0) -> tuple[Tensor, dict[str, Tensor]]:
    objective.begin(number)
    torch.manual_seed(seed)
    return objective.step(np.random.default_rng(seed), torch.Generator().manual_seed(seed))


# --- the joint objective ---


def test_both_losses_fall_and_unseen_images_are_told_apart(gplac: Path, tmp_path: Path) -> None:
    rows = rows_of(gplac)
    assert float(rows[-1]["delta"]) < 0.7 * float(rows[0]["delta"])
    begun = next(float(r["weak"]) for r in rows if r["weak"])
    assert float(rows[-1]["weak"]) < 0.3 * begun
    held = read_weak_images(write_blobs(tmp_path / "held", 100, seed=1), SIZE)
    network = network_of(gplac)
    with torch.inference_mode():
        images = normalise_color(torch.from_numpy(held.images.copy()))
        shown = network.classify(images).mean(1).numpy() > 0
    assert (shown == held.positive).mean() > 0.9


def test_a_label_alone_tells_where_the_object_is(gplac: Path) -> None:
    """All points lie on the disc of images that were not learned from; nothing marked it."""
    rng = np.random.default_rng(7)
    scenes = np.stack([scene(rng, True, SIZE) for _ in range(100)])
    red = np.stack([cv2.inRange(image, (150, 0, 0), (255, 120, 120)) > 0 for image in scenes])
    middles = np.array([np.argwhere(mask).mean(0)[::-1] for mask in red])
    with torch.inference_mode():
        places = network_of(gplac).encoder.seen(normalise_color(torch.from_numpy(scenes))).places
    pixels = (places.numpy() + 1) / 2 * SIZE[::-1] - 0.5
    off = np.linalg.norm(pixels - middles[:, None], axis=-1)
    assert (off < 4).mean() > 0.8


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_tasks_gradient_reaches_the_encoder_as_far_as_asked(
    demos: Path, weak: str, share: float
) -> None:
    def gradient(share: float) -> Tensor:
        config = replace(CONFIG, weak=weak, weak_weight=0.0, task_gradient=share)
        objective, _ = objective_of(config, demos)
        loss, _ = a_step(objective, 10)
        loss.backward()
        head = objective.network.head.parameters()
        assert all(float(p.grad.abs().max()) > 0 for p in head if p.grad is not None)
        first = objective.network.encoder.backbone.first.weight
        found = first.grad
        return torch.zeros_like(first) if found is None else found

    whole = gradient(1.0)
    assert float(whole.abs().max()) > 0
    torch.testing.assert_close(gradient(share), share * whole)


def test_the_labels_alone_teach_without_a_warm_up(weak: str) -> None:
    config = replace(CONFIG, weak=weak, task_gradient=0.0)
    assert (config.warm_up(100), replace(config, task_gradient=1.0).warm_up(100)) == (0, 10)
    with pytest.raises(ValueError, match=r"got task_gradient 0\.0; expected"):
        replace(config, weak="")


def test_unseen_images_are_looked_at_and_not_learned_from(
    demos: Path, weak: str, tmp_path: Path
) -> None:
    short = replace(CONFIG, weak=weak, steps=60, warm_up_steps=5)
    others = str(write_blobs(tmp_path / "others", 40, seed=2))
    train_gplac(short, demos, tmp_path / "blind")
    train_gplac(replace(short, weak_unseen=others), demos, tmp_path / "looking")
    without, told = (load_checkpoint(tmp_path / name).tensors for name in ("blind", "looking"))
    assert all(torch.equal(told[name], tensor) for name, tensor in without.items())
    shares = [float(r["weak_unseen"]) for r in rows_of(tmp_path / "looking") if r["weak_unseen"]]
    assert shares
    assert all(0 <= s <= 1 for s in shares)
    with pytest.raises(ValueError, match="expected weak images that are classified"):
        replace(CONFIG, weak_unseen=others)


def test_the_policy_has_its_points_and_says_whether_the_object_is_there(
    gplac: Path, demos: Path
) -> None:
    policy = load_policy(gplac)
    assert isinstance(policy, GplacPolicy)
    frame = next(iter(read_frames(next((demos / "lift").iterdir()))))
    chunk = policy.act(observe(frame, policy.spec))
    assert chunk.info["pixels"].shape == (8, 2)
    assert 0 <= chunk.info["presence"][0] <= 1
    card = (gplac / "card.md").read_text()
    assert "100 'with' and 100 'without' (0 skipped)" in card
    assert "not with the weights of VGG-16" in card


def test_in_the_warm_up_the_task_is_learned_alone(demos: Path, weak: str) -> None:
    both = replace(CONFIG, weak=weak, task_gradient=1.0)
    objective, _ = objective_of(replace(both, steps=40), demos)
    assert set(a_step(objective, 3)[1]) == {"loss", "delta", "width"}
    loss, values = a_step(objective, 4)
    assert set(values) == {"loss", "delta", "width", "weak", "weak_accuracy"}
    task = values["delta"] + CONFIG.width_weight * values["width"]
    torch.testing.assert_close(loss, task + values["weak"])
    light, _ = objective_of(replace(both, weak_weight=0.25, warm_up_steps=7), demos)
    assert "weak" not in a_step(light, 6)[1]
    less, values = a_step(light, 7)
    torch.testing.assert_close(less, task + 0.25 * values["weak"])


def test_a_columns_warm_up_is_empty_in_the_progress_file(
    demos: Path, weak: str, tmp_path: Path
) -> None:
    """The first report, after 25 steps, has none of weak images."""
    late = replace(CONFIG, weak=weak, task_gradient=1.0, warm_up_steps=30, steps=60)
    train_gplac(late, demos, tmp_path)
    rows = rows_of(tmp_path)
    assert [r["weak"] == "" for r in rows[:2]] == [True, False]
    assert all(r["delta"] for r in rows)


def gradients(objective: Objective, seed: int = 0) -> Tensor:
    objective.model.zero_grad()
    a_step(objective, 10, seed)[0].backward()  # type: ignore[no-untyped-call]
    return torch.cat([p.grad.flatten() for p in objective.network.parameters() if p.requires_grad])  # type: ignore[union-attr]


@pytest.mark.parametrize(("norm", "same"), [("group", True), ("cell", True), ("batch", False)])
def test_one_pass_is_two_but_for_batch_norm(demos: Path, weak: str, norm: str, same: bool) -> None:
    """Batch norm takes its statistics of all images of a pass; the other norms of each image."""
    config = replace(CONFIG, weak=weak, norm=norm, task_gradient=1.0)  # type: ignore[arg-type]
    joint = gradients(objective_of(config, demos)[0])
    separate = gradients(objective_of(replace(config, passes="separate"), demos)[0])
    apart = float((joint - separate).norm() / joint.norm())
    assert (apart < 0.02) == same  # half precision sums differ a little


def test_weak_images_move_what_is_shared_and_not_the_policys_head(demos: Path, weak: str) -> None:
    objective, _ = objective_of(replace(CONFIG, weak=weak), demos)
    _, values = a_step(objective, 10)
    values["weak"].backward()  # type: ignore[no-untyped-call]
    network = objective.network
    assert all(p.grad is None for p in network.head.parameters())
    assert all(p.grad is not None for p in network.encoder.parameters())


# --- the baselines ---


@pytest.mark.parametrize(
    ("changes", "metrics"),
    [
        ({}, ("weak",)),
        ({"network": "plain"}, ("weak",)),
        ({"use": "autoencoder"}, ("drawn",)),
        ({"use": "reversal"}, ("domain", "domain_accuracy")),
        ({"use": "joint_reversal", "norm": "batch"}, ("weak", "domain")),
        ({"augmentation": STRONG, "shared": (16,)}, ("weak",)),
        ({"use": "finetune"}, ()),
        ({"weak": "", "network": "plain", "norm": "cell"}, ()),
    ],
    ids=str,
)
def test_every_method_trains_to_a_policy(
    demos: Path, weak: str, tmp_path: Path, changes: dict[str, object], metrics: tuple[str, ...]
) -> None:
    config = replace(CONFIG, **{"weak": weak, **changes})  # type: ignore[arg-type]
    train_gplac(config, demos, tmp_path / "p")
    last = rows_of(tmp_path / "p")[-1]
    assert set(metrics) <= {name for name, value in last.items() if value}
    assert np.isfinite([float(v) for v in last.values()]).all()
    policy = load_policy(tmp_path / "p")
    frame = next(iter(read_frames(next((demos / "lift").iterdir()))))
    chunk = policy.act(observe(frame, policy.spec))
    assert ("presence" in chunk.info) == config.classifies
    assert ("pixels" in chunk.info) == (config.network == "attentional")


def test_what_is_drawn_comes_to_look_like_the_images(
    demos: Path, weak: str, tmp_path: Path
) -> None:
    config = replace(CONFIG, weak=weak, use="autoencoder", steps=100)
    train_gplac(config, demos, tmp_path)
    drawn = [float(r["drawn"]) for r in rows_of(tmp_path) if r["drawn"]]
    assert drawn[-1] < 0.7 * drawn[0]


def test_a_reversed_gradient_makes_the_sorts_harder_to_tell(demos: Path, weak: str) -> None:
    """What tells them apart learns as ever; a step down the features' gradient undoes its work."""

    def of(reversal: float) -> Objective:
        config = replace(CONFIG, weak=weak, use="reversal", reversal=reversal)
        objective, _ = objective_of(config, demos)
        a_step(objective, CONFIG.steps)[1]["domain"].backward()  # type: ignore[no-untyped-call]
        return objective

    def gradient(module: torch.nn.Module) -> Tensor:
        return torch.cat([p.grad.flatten() for p in module.parameters()])  # type: ignore[union-attr]

    one, two = of(1.0), of(2.0)  # at the ramp's end
    torch.testing.assert_close(gradient(one.model["domain"]), gradient(two.model["domain"]))
    torch.testing.assert_close(gradient(two.network.encoder), 2 * gradient(one.network.encoder))
    before = a_step(one, CONFIG.steps)[1]["domain"].item()
    norm = float(gradient(one.network.encoder).norm())
    with torch.no_grad():
        for parameter in one.network.encoder.parameters():
            assert parameter.grad is not None
            parameter -= 0.05 / norm * parameter.grad
    assert a_step(one, CONFIG.steps)[1]["domain"].item() > before


def test_frozen_features_are_those_of_the_classification(
    demos: Path, weak: str, tmp_path: Path
) -> None:
    config = replace(CONFIG, weak=weak, norm="batch", first_steps=8)
    begun = begun_network(config, config.policy()).encoder.state_dict()
    for use in ("finetune", "frozen"):
        train_gplac(replace(config, use=use), demos, tmp_path / use)  # type: ignore[arg-type]
        first = load_tensors(next((tmp_path / use / "first").glob("train_classifier-*")))
        ends = network_of(tmp_path / use).encoder.state_dict()
        assert not all(torch.equal(first[k], begun[k]) for k in begun)
        assert all(torch.equal(first[k], ends[k]) for k in first) == (use == "frozen")


def test_places_of_objects_may_be_learned_first(demos: Path, tmp_path: Path) -> None:
    losses: list[float] = []
    config = replace(CONFIG, pose_objects=("cube",), first_steps=60)
    train_gplac(
        config,
        demos,
        tmp_path,
        lambda p: losses.append(p.metrics["loss"]) if p.stage == "train_places" else None,
    )
    assert losses[-1] < losses[0]
    assert load_policy(tmp_path).spec.objects == ()  # the policy is not told of them
    with pytest.raises(DataError, match="unknown object 'mug'"):
        train_gplac(replace(config, pose_objects=("mug",)), demos, tmp_path)


def test_a_first_layer_is_begun_with_a_file(demos: Path, tmp_path: Path) -> None:
    file = tmp_path / "vgg.safetensors"
    tensors = {"features.0.weight": torch.randn(12, 3, 3, 3), "features.0.bias": torch.zeros(12)}
    save_file(tensors, file)
    config = replace(CONFIG, first_layer=str(file))
    first = begun_network(config, config.policy()).encoder.backbone.first.weight
    ratio = first / tensors["features.0.weight"]
    assert float(ratio.detach().std((0, 2, 3)).max()) < 1e-5  # scaled by colour, else the same
    other = begun_network(CONFIG, CONFIG.policy())
    torch.testing.assert_close(
        other.head.state_dict(), begun_network(config, config.policy()).head.state_dict()
    )


# --- the loop, the command, and what cannot be ---


@pytest.mark.parametrize(
    "changes", [{"norm": "batch", "use": "joint_reversal", "dropout": 0.2}, {"use": "finetune"}]
)
def test_an_interrupted_training_goes_on_to_the_same_bits(
    demos: Path, weak: str, tmp_path: Path, changes: dict[str, object]
) -> None:
    changes = {"weak": weak, "augmentation": STRONG, "warm_up_steps": 6, **changes}
    config = replace(CONFIG, **changes)  # type: ignore[arg-type]
    train_gplac(config, demos, tmp_path / "whole")
    for calls in (5, 4 if changes["use"] == "joint_reversal" else 10):
        # in the warm-up and after it, or in the first stage and the second one
        with pytest.raises(Interrupted):
            train_gplac(config, demos, tmp_path / "parts", should_stop=after(calls))
    assert not (tmp_path / "parts" / "config.yaml").exists()
    train_gplac(config, demos, tmp_path / "parts")
    assert files_of(tmp_path / "parts") == files_of(tmp_path / "whole")


def test_other_images_are_another_training(demos: Path, tmp_path: Path) -> None:
    """What was interrupted does not go on with pictures that it did not begin with."""
    folder = write_blobs(tmp_path / "w", 4)
    config = replace(CONFIG, weak=str(folder))
    with pytest.raises(Interrupted):
        train_gplac(config, demos, tmp_path / "p", should_stop=after(10))
    (folder / "with" / "0000.png").unlink()
    with pytest.raises(Interrupted, match="after step 3 of 12"):
        train_gplac(config, demos, tmp_path / "p", should_stop=after(3))


def test_the_command_trains_and_refuses(
    demos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_blobs(tmp_path / "w", 4, ("mug", "bare"))
    small = "channels: [8, 8]\nhead: {hidden: [8], dropout: 0.0}\nclassifier: [8]\n"
    camera = "camera: {name: front, height: 24, width: 32, depth: false}\nsteps: 4\nbatch: 2\n"
    (tmp_path / "c.yaml").write_text(small + camera)
    words = ["train", "gplac", "--dataset", demos, "--config", tmp_path / "c.yaml"]
    more = ["--weak", folder, "--labels", "mug", "bare", "--use", "joint_reversal", "--augment"]
    assert main([*map(str, [*words, *more, "--out", tmp_path / "p"])]) == 0
    assert "4 'mug' and 4 'bare'" in (tmp_path / "p" / "card.md").read_text()
    assert main([*map(str, [*words, "--plain", "--out", tmp_path / "q"])]) == 0
    assert load_checkpoint(tmp_path / "q", "gplac").config["network"] == "plain"
    capsys.readouterr()
    for extra, said in (
        (["--weak", tmp_path / "nowhere"], "nowhere: no such folder"),
        (["--weak", folder, "--labels", "cup", "bare"], "unknown label 'cup'"),
        (["--use", "reversal"], "got use reversal without `weak`"),
        (["--push-start"], "has a straight push"),
    ):
        assert main([*map(str, [*words, *extra, "--out", tmp_path / "r"])]) == 2
        assert said in capsys.readouterr().err


def test_settings_that_cannot_be_are_told(demos: Path, tmp_path: Path) -> None:
    for changes, said in (
        ({"weak_batch": 0}, "gplac: got weak_batch 0"),
        ({"steps": 0}, "got steps 0"),
        ({"reversal": -1.0}, r"reversal -1\.0"),
        ({"weak": "w", "use": "frozen", "pose_objects": ("cube",)}, "only one can come first"),
    ):
        with pytest.raises(ConfigError, match=said):
            train("gplac", None, demos, tmp_path / "p", **changes)


@pytest.mark.parametrize("name", ["gplac", "gplac_paper", "gplac_augmented"])
def test_the_files_that_come_with_it_are_valid(name: str) -> None:
    values = read_yaml(share_folder() / "config" / f"policy_{name}.yaml")
    config = from_mapping(GplacTrainingConfig, values, name)
    if name == "gplac_augmented":
        assert config.augmentation == STRONG
    if name == "gplac":
        assert config == GplacTrainingConfig()
