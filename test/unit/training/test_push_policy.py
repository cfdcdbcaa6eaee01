"""A policy that gives the start of a straight push, from bags of pushes to a cube that moves."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from visuomotor.checkpoint import load_checkpoint
from visuomotor.contracts import STEP_NS, Action, Float64, SyncedFrame
from visuomotor.dataset import open_dataset
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies import load_policy
from visuomotor.policies.gplac import PushConfig
from visuomotor.policies.gplac.push import StraightPush
from visuomotor.policies.heads import HeadConfig
from visuomotor.policies.runtime import PolicyRuntime
from visuomotor.recording import EpisodeWriter, Sidecar, WriterConfig
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.rollout import Lockstep
from visuomotor.training.gplac import GplacTrainingConfig, train_gplac
from visuomotor.training.push_starts import find_pushes

PUSH = PushConfig((0.0, 1.0), 0.12, 0.02, 0.06)
BEHIND_M = 0.07
"""The push begins so far beside the cube's middle."""
STEPS = 80
CAMERA = CameraSpec("front", 30, 40, depth=False)
SEEDS = range(4)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def world() -> Iterator[SimWorld]:
    world = SimWorld(SimConfig(cameras=("front",), width=80, height=60))
    yield world
    world.close()


def start_of(world: SimWorld) -> Float64:
    """Where a push of the cube begins, the hand pointing as it does."""
    T = np.array(world.robot_state().T_base_ee)
    T[:3, 3] = world.object_poses()["cube"][:3, 3] - [0, BEHIND_M, 0]
    return T


@pytest.fixture(scope="module")
def pushes(world: SimWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recorded pushes of the cube, all in one direction."""
    root = tmp_path_factory.mktemp("pushes")
    for seed in SEEDS:
        begin_ns = (seed + 1) * 3_600_000_000_000
        with EpisodeWriter(root, Sidecar("lift"), begin_ns, WriterConfig(color="png")) as writer:
            push: list[StraightPush] = []

            def show(
                frame: SyncedFrame,
                writer: EpisodeWriter = writer,
                push: list[StraightPush] = push,
            ) -> Action:
                if not push:
                    push.append(StraightPush(start_of(world), PUSH))
                writer.add_frame(frame)
                action = Action(push[0].target(frame.robot.T_base_ee), 0.0)
                at_ns = frame.stamp_ns + STEP_NS // 2
                writer.add_action(at_ns, action.T_base_ee, action.gripper_width_m)
                return action

            Lockstep(world).rollout(seed, show, STEPS, start_ns=begin_ns)
            writer.close("success")
    return root


def test_labels_are_where_the_pushes_began(world: SimWorld, pushes: Path) -> None:
    samples, push = find_pushes(open_dataset(pushes, ObservationSpec((CAMERA,))))
    assert len(samples) == len(SEEDS)
    for seed, T in zip(SEEDS, samples.target, strict=True):
        world.reset(seed)
        np.testing.assert_allclose(T[:2, 3], start_of(world)[:2, 3], atol=0.01)
        assert T[2, 3] == pytest.approx(PUSH.height_m, abs=0.012)
    np.testing.assert_allclose(push.direction, (0.0, 1.0), atol=0.05)
    assert push.length_m == pytest.approx(PUSH.length_m, abs=0.02)
    assert push.height_m == pytest.approx(PUSH.height_m, abs=0.01)


def test_a_policy_pushes_from_where_it_was_shown(
    world: SimWorld, pushes: Path, tmp_path: Path
) -> None:
    """Learned by heart from four first images: the cube moves as far as it was pushed."""
    config = GplacTrainingConfig(
        camera=CAMERA,
        channels=(12, 12, 8),
        head=HeadConfig(hidden=(64,), dropout=0.0),
        dropout=0.0,
        target="push_start",
        steps=200,
        batch=8,
        learning_rate=5e-3,
    )
    train_gplac(config, pushes, tmp_path)
    kept = load_checkpoint(tmp_path, "gplac").config["push"]
    assert kept["length_m"] == pytest.approx(PUSH.length_m, abs=0.02)
    runtime = PolicyRuntime(load_policy(tmp_path))
    moved = []
    for seed in SEEDS[:2]:
        runtime.reset()
        result = Lockstep(world).rollout(seed, runtime.step, STEPS)
        assert result.refusals == ()
        assert result.start is not None
        moved.append(world.object_poses()["cube"][:2, 3] - result.start[:2])
    for way in moved:
        assert way[1] > 0.03
        assert abs(way[0]) < 0.03
