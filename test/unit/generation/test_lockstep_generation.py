"""A policy's rollouts in lockstep become episodes; rollouts rest in the goal that they reach."""

import pytest
import torch

from visuomotor.checkpoint import save_checkpoint
from visuomotor.contracts import MAX_GRIPPER_WIDTH_M, STEP_NS, Action
from visuomotor.errors import ConfigError
from visuomotor.generation import GenerationConfig, coverage
from visuomotor.generation.lockstep import generate
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies.bc import EncoderConfig
from visuomotor.policies.gti.config import GtiConfig
from visuomotor.policies.gti.network import GtiNetwork
from visuomotor.policies.heads import Scales
from visuomotor.recording import read_actions, read_frames
from visuomotor.recording.catalogue import find_episodes
from visuomotor.recording.sidecar import load_sidecar
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.rollout import Lockstep
from visuomotor.sim.tasks import make_task

CAMERAS = ("front", "wrist")
SIM = SimConfig(task="cross", cameras=CAMERAS, width=48, height=36)
SPEC = ObservationSpec(tuple(CameraSpec(c, 24, 32, depth=False) for c in CAMERAS))
SCALES = Scales(
    torch.zeros(7),
    torch.full((7,), 0.2),
    torch.full((6,), 0.01),
    torch.tensor([0.0, MAX_GRIPPER_WIDTH_M]),
    torch.tensor([0.01, 0.05]),
)


@pytest.fixture
def stage1(tmp_path):
    """A policy with random weights: it wanders."""
    torch.manual_seed(0)
    small = EncoderConfig("plain", width=8, points=8)
    config = GtiConfig(small, planner=(16,), drawn_px=4, units=16)
    save_checkpoint(
        tmp_path / "stage1",
        "gti",
        config,
        GtiNetwork(config, len(CAMERAS)).state_dict(),
        SCALES.tensors(),
        SPEC,
        "Random.\n",
    )
    return tmp_path / "stage1"


def test_every_seed_is_rolled_out_once(stage1, tmp_path) -> None:
    data, keep = tmp_path / "data", GenerationConfig(keep="all")
    generate(stage1, SIM, range(40, 41), data, keep)
    told = []
    log = generate(stage1, SIM, range(40, 42), data, keep, progress=told.append)
    assert [row.seed for row in told] == [41]
    assert sorted(log.rows) == [40, 41]
    episodes = {e.name: e for e in find_episodes(data, "cross", ("success", "failure"))}
    assert set(episodes) == {row.episode for row in log.rows.values()}
    for row in log.rows.values():
        sidecar = load_sidecar(episodes[row.episode])
        assert {"self-generated", f"start {row.start}"} <= set(sidecar.tags)
        assert (sidecar.seed, sidecar.operator) == (row.seed, "policy stage1")
        assert sidecar.outcome == ("success" if row.goal else "failure")
    assert coverage(data, "cross").counts == log.kept.counts
    episode = episodes[log.rows[40].episode]
    assert len(list(read_frames(episode, cameras=("front",)))) == log.rows[40].steps
    assert len(read_actions(episode)[0]) > 0.9 * log.rows[40].steps


def test_what_reached_nothing_leaves_no_bag(stage1, tmp_path) -> None:
    log = generate(stage1, SIM, range(40, 41), tmp_path / "data", GenerationConfig())
    assert [row.left_out for row in log.rows.values()] == ["no goal reached"]
    assert not list((tmp_path / "data").rglob("*.mcap"))


def test_a_task_without_goals_is_refused(stage1, tmp_path) -> None:
    sim = SimConfig(task="lift", cameras=CAMERAS)
    with pytest.raises(ConfigError, match=r"lift has no starts and goals.*such as cross"):
        generate(stage1, sim, range(1), tmp_path / "data", GenerationConfig())


@pytest.mark.parametrize("rest", [0, 6])
def test_a_rollout_rests_in_the_goal_that_it_reached(rest) -> None:
    world = SimWorld(SimConfig(task="cross", cameras=(), start="a"))
    expert = make_task("cross").expert_to("d")
    expert.reset()
    sets, accepted = [], []

    def agent(_) -> Action:
        return expert.act(world.robot_state(), world.object_poses())

    def roll_out(rest_steps):
        sets.clear()
        accepted.clear()
        expert.reset()
        return Lockstep(world).rollout(
            5,
            agent,
            on_step=lambda frame: sets.append(frame.stamp_ns),
            on_action=lambda stamp_ns, _: accepted.append(stamp_ns),
            rest_steps=rest_steps,
        )

    without = roll_out(0)
    found = roll_out(rest)
    assert (found.reached, found.success, found.pair) == ("d", True, "a>")
    assert found.steps == without.steps + rest == len(sets) == len(accepted)
    assert all(0 < a - s <= STEP_NS for s, a in zip(sets, accepted, strict=True))
    world.close()
