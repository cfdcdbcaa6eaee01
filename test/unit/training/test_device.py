"""Every family trains on another device than the CPU: a stand-in (`marked_device`), and a GPU."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from blob_images import write_blobs
from fork_episodes import SPEC, forks
from marked_device import ELSEWHERE, Watch, elsewhere
from tiny_networks import write_descriptors

from visuomotor.checkpoint import load_tensors
from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.losses import LossConfig
from visuomotor.descriptors.model import load_descriptors
from visuomotor.observations import CameraSpec
from visuomotor.policies import load_policy
from visuomotor.policies.bc.config import EncoderConfig
from visuomotor.policies.heads import HeadConfig
from visuomotor.training.autoencoder import AutoencoderTrainingConfig, train_autoencoder
from visuomotor.training.bc import BcTrainingConfig, train_bc
from visuomotor.training.cloning import CloningConfig
from visuomotor.training.dense import DenseTrainingConfig, train_dense
from visuomotor.training.descriptors import DescriptorTrainingConfig, train_descriptors
from visuomotor.training.goal import GoalTrainingConfig, fit_goal
from visuomotor.training.gplac import GplacTrainingConfig, train_gplac
from visuomotor.training.gti import GtiTrainingConfig, fit_gti
from visuomotor.training.han import HanTrainingConfig, train_han
from visuomotor.training.image_augmentation import STRONG
from visuomotor.training.pointbc import PointBCTrainingConfig, train_pointbc

pytestmark = pytest.mark.filterwarnings("ignore:.*copying from a non-meta parameter.*")
PLACES = [ELSEWHERE, *([torch.device("cuda")] if torch.cuda.is_available() else [])]
"""The stand-in, and a GPU where there is one."""
EYE = EncoderConfig("plain", width=8, points=6)
FRONT, SIDE = CameraSpec("front", 24, 32), CameraSpec("side", 24, 32)


@pytest.fixture(params=PLACES, ids=str)
def watch(request: pytest.FixtureRequest) -> Iterator[Watch]:
    """Follows what is trained elsewhere."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    place = elsewhere() if request.param == ELSEWHERE else nullcontext()
    with place, Watch(request.param) as watch:
        yield watch
    torch.set_num_threads(threads)


def assert_learned(watch: Watch, out: Path, steps: int = 2) -> None:
    """Everything that can be learned was, elsewhere, and the checkpoint lies on the CPU."""
    assert watch.steps == steps
    assert watch.parameters
    assert watch.parameters == watch.changed
    weights = load_tensors(out / "weights.safetensors")
    assert all(t.isfinite().all() for t in weights.values())
    load_policy(out)


def test_a_policy_with_goals(watch: Watch, tmp_path: Path) -> None:
    config = GoalTrainingConfig(
        encoder=EYE,
        units=16,
        window=4,
        modes=3,
        action="mixture",
        augmentation=STRONG,
        cameras=SPEC.cameras,
        steps=2,
        batch=4,
    )
    fit_goal(config, forks(), tmp_path, device=watch.device)
    assert_learned(watch, tmp_path)


def test_a_planner_and_its_controller(watch: Watch, tmp_path: Path) -> None:
    config = GtiTrainingConfig(
        encoder=EYE,
        latent=3,
        modes=4,
        horizon=3,
        period=3,
        planner=(16,),
        drawn_px=6,
        units=16,
        cameras=SPEC.cameras,
        steps=2,
        batch=4,
    )
    fit_gti(config, forks(), tmp_path, device=watch.device)
    assert_learned(watch, tmp_path)


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_blobs(tmp_path_factory.mktemp("weak") / "w", 8, size=(24, 32)))


@pytest.mark.parametrize("kind", ["shared", "literal", "whole"])
def test_a_hand_eye_network(
    watch: Watch, demos: Path, weak: str, tmp_path: Path, kind: str
) -> None:
    """With a chunk, turns and weak images, whose classifier joins it in the second step."""
    config = HanTrainingConfig(
        cameras=(FRONT,),
        channels=(8, 8, 12),
        hidden=(16,),
        windows=3,
        window_px=16,
        crops="literal" if kind == "literal" else "shared",
        attention="whole" if kind == "whole" else "windows",
        inputs="absolute" if kind == "whole" else "relative",
        rotation=True,
        chunk=2,
        weak=weak if kind == "shared" else "",
        weak_batch=4,
        warm_up_steps=1,
        steps=3,
        batch=4,
    )
    train_han(config, demos, tmp_path, device=watch.device)
    assert_learned(watch, tmp_path, 3)


@pytest.mark.parametrize(("learned", "kind"), [("end_to_end", "mlp"), ("optimised", "lstm")])
def test_a_dense_policy(watch: Watch, demos: Path, tmp_path: Path, learned: str, kind: str) -> None:
    """Its descriptors' set, with the network or without, then its head."""
    cloning = CloningConfig(steps=2, batch=4)
    config = DenseTrainingConfig(
        descriptors=str(write_descriptors(tmp_path / "d", (FRONT, SIDE))),
        space="3d" if kind == "mlp" else "2d",
        descriptor_set=learned,  # type: ignore[arg-type]
        set_training=cloning,
        cloning=cloning,
        head=HeadConfig(kind, hidden=(8,), units=8),  # type: ignore[arg-type]
        episodes=1,
    )
    train_dense(config, demos, tmp_path / "out", device=watch.device)
    assert_learned(watch, tmp_path / "out", 4)


def test_descriptors(watch: Watch, demos: Path, tmp_path: Path) -> None:
    config = DescriptorTrainingConfig(
        cameras=(FRONT, SIDE),
        model=DescriptorConfig(dimensions=4, width=8, keypoints=4),
        loss=LossConfig(contrastive=1.0),
        foreground="background_subtraction",
        steps=2,
        pairs=2,
        matches=16,
    )
    train_descriptors(config, demos, tmp_path, device=watch.device)
    assert watch.steps == 2
    assert watch.parameters == watch.changed != set()
    load_descriptors(tmp_path)


@pytest.mark.parametrize("masked", [False, True])
def test_an_autoencoder(watch: Watch, demos: Path, tmp_path: Path, masked: bool) -> None:
    config = AutoencoderTrainingConfig(FRONT, EYE, masked=masked, steps=2, batch=2, episodes=1)
    train_autoencoder(config, demos, tmp_path, device=watch.device)
    assert watch.steps == 2
    assert watch.parameters == watch.changed != set()


@pytest.mark.parametrize("use", ["joint_reversal", "autoencoder", "finetune", "poses"])
def test_gplac(watch: Watch, demos: Path, weak: str, tmp_path: Path, use: str) -> None:
    config = GplacTrainingConfig(
        camera=replace(FRONT, depth=False),
        channels=(8, 8, 8),
        head=HeadConfig(hidden=(8,)),
        classifier=(8,),
        network="plain" if use == "poses" else "attentional",
        norm="batch" if use == "finetune" else "cell",
        weak="" if use == "poses" else weak,
        use="joint" if use == "poses" else use,  # type: ignore[arg-type]
        pose_objects=("cube",) if use == "poses" else (),
        augmentation=STRONG,
        weak_batch=4,
        warm_up_steps=1,
        steps=3,
        batch=4,
    )
    train_gplac(config, demos, tmp_path, device=watch.device)
    assert_learned(watch, tmp_path, 3 if config.weak and use not in ("finetune",) else 6)


@pytest.mark.parametrize("case", ["weak", "frozen", "memory"])
def test_behaviour_cloning(watch: Watch, demos: Path, weak: str, tmp_path: Path, case: str) -> None:
    config = BcTrainingConfig(
        camera=replace(FRONT, depth=False),
        encoder=EYE,
        head=HeadConfig(hidden=(8,)),
        cloning=CloningConfig(steps=3, batch=4),
    )
    if case == "weak":
        config = replace(config, weak=weak, weak_batch=4, warm_up_steps=1)
    elif case == "frozen":
        config = replace(config, encoder_from=str(write_descriptors(tmp_path / "d")), frozen=True)
    else:
        head = HeadConfig("lstm", (8,), units=8)
        config = replace(config, sight="truth_3d", objects=("cube",), head=head)
    train_bc(config, demos, tmp_path / "out", device=watch.device)
    assert_learned(watch, tmp_path / "out", 3)


def test_point_clouds(watch: Watch, demos: Path, tmp_path: Path) -> None:
    config = PointBCTrainingConfig(
        points=16,
        layers=(8, 8),
        hidden=(8,),
        chunk=2,
        cameras=(FRONT,),
        stored=32,
        episodes=1,
        steps=2,
        batch=4,
    )
    train_pointbc(config, demos, tmp_path, device=watch.device)
    assert_learned(watch, tmp_path)
