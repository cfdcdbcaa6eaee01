"""Tasks with starts and goals: which pair an episode has, what counts, and the crossing world."""

import numpy as np
import pytest
from blind import blind, demonstrate

from visuomotor.errors import ConfigError
from visuomotor.geometry import pose
from visuomotor.recording import WriterConfig, load_sidecar
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.demos import write_demos
from visuomotor.sim.rollout import Lockstep
from visuomotor.sim.tasks import TASKS, make_task
from visuomotor.sim.tasks.cross import LOW_M, MARK_M, WITHIN_M
from visuomotor.sim.tasks.goals import GoalWatch, Pair, WithGoals, episode_pair
from visuomotor.sim.tasks.motion import POINTING_DOWN

CROSSING = [name for name in TASKS if isinstance(make_task(name), WithGoals)]


# --- pairs ---


@pytest.mark.parametrize("name", CROSSING)
def test_without_names_the_demonstrated_pairs_take_turns(name):
    task = make_task(name)
    pairs = [episode_pair(task, "", "", seed) for seed in range(20)]
    shown = [(p.start, p.goal) for p in pairs]
    assert set(shown) == set(task.demonstrated)
    assert {shown.count(pair) for pair in task.demonstrated} == {20 // len(task.demonstrated)}
    assert not any(p.asked for p in pairs)


@pytest.mark.parametrize("name", CROSSING)
def test_every_start_and_goal_can_be_asked_for(name):
    task = make_task(name)
    for start in task.starts:
        assert {episode_pair(task, start, "", s).start for s in range(4)} == {start}
        for goal in task.goals:
            pair = episode_pair(task, start, goal, 3)
            assert (pair.start, pair.goal, pair.asked) == (start, goal, True)
    of_goal = {episode_pair(task, "", task.goals[0], s).start for s in range(4)}
    assert of_goal == set(task.starts)
    assert any((s, g) not in task.demonstrated for s in task.starts for g in task.goals)


def test_a_pair_is_written_with_what_counts():
    assert str(Pair("a", "c", asked=True)) == Pair("a", "c").shown == "a>c"
    assert str(Pair("a", "c")) == "a>"
    assert str(Pair()) == Pair().shown == ""


def test_names_that_a_task_lacks_are_told():
    with pytest.raises(ConfigError, match=r"unknown start of cross 'e'\. Known: a, b"):
        SimWorld(SimConfig(task="cross", start="e"))
    with pytest.raises(ConfigError, match=r"goal of bread 'plat'; did you mean 'plate'"):
        SimWorld(SimConfig(task="bread", goal="plat"))
    with pytest.raises(ConfigError, match=r"lift: got start 'a'.*leave both empty"):
        SimWorld(SimConfig(start="a"))
    with pytest.raises(ConfigError, match=r"goal of cross 'a'.*Known: c, d"):
        make_task("cross").expert_to("a")
    world = blind("cross")
    with pytest.raises(ConfigError, match=r"goal of cross 'e'"):
        world.choose_pair("a", "e")
    world.choose_pair("b", "c")
    world.reset(0)
    assert str(world.pair) == "b>c"


def test_a_goal_lasts_only_without_a_break():
    watch = GoalWatch()
    assert watch.lasting(10.0, 0.0) == ""
    watch.look("c", 1.0)
    watch.look("c", 1.2)
    assert (watch.lasting(1.2, 0.25), watch.lasting(1.25, 0.25)) == ("", "c")
    watch.look("d", 1.3)
    assert watch.lasting(1.4, 0.25) == ""
    watch.look("", 1.4)
    watch.look("d", 1.45)
    assert (watch.lasting(1.6, 0.25), watch.lasting(1.7, 0.25)) == ("", "d")


# --- the crossing world ---


def over_pad(world, goal, aside_m=(0.0, 0.0), height_m=0.035):
    place = world.object_poses()[f"pad_{goal}"][:3, 3] + (*aside_m, height_m)
    T = pose(POINTING_DOWN, place)
    world.arm.reset(T)
    world.set_reference(T)


@pytest.mark.parametrize(
    ("aside_m", "height_m", "counts"),
    [
        ((0, 0), 0.035, True),
        ((0.5 * WITHIN_M, -0.5 * WITHIN_M), 0.03, True),
        ((1.3 * WITHIN_M, 0), 0.035, False),
        ((0, 0), 1.3 * LOW_M, False),
    ],
)
def test_a_pad_is_reached_low_over_it_and_after_a_while(aside_m, height_m, counts):
    world = blind("cross", goal="d")
    for goal in ("c", "d"):
        world.reset(2)
        over_pad(world, goal, aside_m, height_m)
        for _ in range(4):
            world.step()
            assert world.reached() == ""  # not yet
        for _ in range(6):
            world.step()
        assert world.reached() == (goal if counts else "")
        assert world.success() == (counts and goal == "d")


def test_any_goal_counts_where_none_is_asked_for():
    world = blind("cross")
    for goal in ("c", "d"):
        world.reset(2)
        over_pad(world, goal)
        for _ in range(10):
            world.step()
        assert world.success()


def test_pads_and_starts_differ_from_episode_to_episode_and_keep_their_sides():
    task = make_task("cross")
    for region in ("interpolation", "extrapolation", "gaussian"):
        for start, side in (("a", 1), ("b", -1)):
            rngs = [np.random.default_rng(s) for s in range(100)]
            drawn = [task.draw_from(rng, region, start) for rng in rngs]
            hands = np.array([T[:3, 3] for _, T in drawn])
            assert (side * hands[:, 1] > 0.1).all()
            assert (hands[:, 0] < MARK_M[0] - 0.08).all()
            c, d = (np.array([o[f"pad_{g}"][:2, 3] for o, _ in drawn]) for g in "cd")
            assert (c[:, 1] < -0.05).all()
            assert (d[:, 1] > 0.05).all()
            assert min(c.std(axis=0).min(), d.std(axis=0).min()) > 0.015
            assert np.linalg.norm(c - d, axis=1).min() > 4 * WITHIN_M  # in one goal at most


@pytest.mark.parametrize("demonstrator", ["expert", "human_like"])
def test_the_expert_goes_from_any_start_to_any_goal(demonstrator):
    world = blind("cross", demonstrator=demonstrator)
    for pair in ("a>c", "a>d", "b>c", "b>d"):
        start, goal = pair.split(">")
        world.choose_pair(start, goal)
        (rollout,), refused = demonstrate(world, [640])
        assert (rollout.pair, rollout.reached, rollout.success) == (pair, goal, True)
        assert refused == 0


@pytest.fixture(scope="module")
def crossing():
    return blind("cross")


def way(world, start, goal, seed):
    """Where the hand goes (T, 3)."""
    hands = []
    world.choose_pair(start, goal)
    Lockstep(world).demonstrate(
        seed, lambda f: hands.append(f.robot.T_base_ee[:3, 3]), lambda *_: None
    )
    return np.array(hands)


def test_the_ways_meet_at_the_mark_and_there_nothing_tells_whence_they_come(crossing):
    ways = [way(crossing, "a", "c", 5), way(crossing, "b", "d", 5)]
    at = [int(np.linalg.norm(w[:, :2] - MARK_M, axis=1).argmin()) for w in ways]
    a, b = (w[i] for w, i in zip(ways, at, strict=True))
    assert np.linalg.norm(a - b) < 0.012
    ahead = [w[i] - w[i - 3] for w, i in zip(ways, at, strict=True)]
    cosine = ahead[0] @ ahead[1] / np.prod(np.linalg.norm(ahead, axis=1))
    assert cosine > 0.9
    assert np.linalg.norm(ways[0][0] - ways[1][0]) > 0.25
    assert np.linalg.norm(ways[0][-1] - ways[1][-1]) > 0.15


def test_an_episode_ends_in_the_first_goal_be_it_the_wrong_one():
    world = blind("cross", start="a", goal="c")
    expert = world.task.expert_to("d")

    def agent(_):
        return expert.act(world.robot_state(), world.object_poses())

    rollout = Lockstep(world).rollout(641, agent)
    assert (rollout.pair, rollout.reached, rollout.success) == ("a>c", "d", False)
    assert rollout.steps < world.task.horizon_steps
    world.choose_pair("a")
    again = Lockstep(world).rollout(641, agent)
    assert (again.pair, again.reached, again.success) == ("a>", "d", True)


def test_a_seed_gives_one_way(crossing):
    first, other, again = (way(crossing, "a", "d", seed) for seed in (6, 7, 6))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[0], other[0])


def test_demonstrations_are_tagged_with_their_pair(tmp_path):
    config = SimConfig(task="cross", cameras=("front",), width=32, height=24)
    world = SimWorld(config)
    try:
        episodes = write_demos(world, tmp_path, range(2), WriterConfig(color="png"))
    finally:
        world.close()
    sidecars = [load_sidecar(e) for e in episodes]
    assert [s.outcome for s in sidecars] == ["success"] * 2
    assert [s.tags[1:] for s in sidecars] == [("start a", "goal c"), ("start b", "goal d")]
