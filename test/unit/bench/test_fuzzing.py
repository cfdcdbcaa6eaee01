"""Nothing that is read ends in anything but use or an error of ours; and the fuzzer notices."""

from pathlib import Path
from random import Random

import pytest

from visuomotor.bench.fuzzing.campaign import Campaign
from visuomotor.bench.fuzzing.command_bounds import CommandBounds
from visuomotor.bench.fuzzing.judging import Bounds
from visuomotor.bench.fuzzing.mutation import mutated
from visuomotor.bench.fuzzing.target import TARGETS, Violation, case_seed, open_target
from visuomotor.bench.fuzzing.values import changed
from visuomotor.bench.fuzzing.worker import Job
from visuomotor.control import BridgeConfig, BridgeOutput, CartesianBridge

SLOW = ("bag", "bag_metadata", "bag_messages", "bag_repair", "checkpoint", "video", "picture")
FEW = {name: 2 if name in SLOW else 6 for name in TARGETS}


def test_a_few_of_all_inputs(tmp_path: Path) -> None:
    jobs = [Job(name, TARGETS[name].where, 0, count) for name, count in FEW.items()]
    tallies = Campaign(tmp_path, seed=5).run(jobs)
    for name, tally in tallies.items():
        assert not tally.defects, f"{name}: {tally.defects}; {tally.kept}"
        assert tally.missing or tally.cases == FEW[name]


def test_every_kind_of_defect_is_noticed_and_kept(tmp_path: Path) -> None:
    expected = {
        "leaks": "KeyError: ",
        "loops": "more than 0.3 s: ",
        "dies": "the process died: ",
        "waits": "silent for 2 s: ",
        "hoards": "more than 40 MB",
        "runs": "subprocess.Popen was called",
        "writes": "os.mkdir outside the case's folder",
        "bombs": "an error of more than 100000 characters",
    }
    jobs = [Job(name, f"toys.fuzzed:{name}", 0, 1) for name in expected]
    jobs[0] = Job("leaks", "toys.fuzzed:leaks", 0, 30)
    campaign = Campaign(tmp_path, 0, Bounds(cpu_s=0.3, memory_mb=40.0), silent_s=2.0)
    tallies = campaign.run([*jobs, Job("lacks", "toys.fuzzed:lacks", 0, 1)])
    for name, said in expected.items():
        (what,) = tallies[name].defects
        assert what.startswith(said)
        path = tallies[name].kept[0]
        assert path.with_name(f"{path.name}.txt").read_text() == f"{what}\n"
    leaks = tallies["leaks"]
    assert leaks.cases == 30
    assert min(leaks.accepted, leaks.refused, leaks.defects.total()) > 0
    assert min(path.read_bytes()[0] for path in leaks.kept) > 200, "the inputs that it was"
    assert tallies["lacks"].missing == "not here"


def test_an_input_depends_on_seed_target_and_number_alone() -> None:
    data, tree = bytes(range(200)), {"a": [1, 2.0, {"b": "text"}], "c": None}
    seeds = [case_seed(s, n, i) for s in (0, 1) for n in ("bag", "video") for i in range(5)]
    made = [(mutated(data, Random(s)), repr(changed(tree, Random(s)))) for s in seeds]
    assert made == [(mutated(data, Random(s)), repr(changed(tree, Random(s)))) for s in seeds]
    assert len({m for m, _ in made}) > 15
    assert tree == {"a": [1, 2.0, {"b": "text"}], "c": None}


def test_a_motion_within_its_limits_is_none_where_an_arm_may_be_put_elsewhere_too() -> None:
    """Straight on, and a turn that goes back: less than at rest, and no acceleration."""
    import numpy as np

    from visuomotor.geometry import pose

    bounds = CommandBounds(BridgeConfig(anchor_on_teleport=True))
    T = pose(np.diag([1.0, -1.0, -1.0]), [0.45, 0.0, 0.3])
    bounds.measured(T)
    twists = [[0.02 * k, 0.0, 0.0, 0.0, 0.0, w] for k, w in ((0, 0), (1, 0.06), (2, -0.02))]

    def output(twist: list[float]) -> BridgeOutput:
        return BridgeOutput(T, T, np.array(twist), np.zeros(6), None, None, "teleop", "")

    for step, twist in enumerate(twists):
        bounds.check(output(twist), 10**9 + step * 10**7)
    with pytest.raises(Violation, match="max_acceleration"):
        bounds.check(output([0.0] * 6), 10**9 + 3 * 10**7)


def test_a_kept_bag_fits_again(tmp_path: Path) -> None:
    """Its name is in its metadata: no chance may be in it."""
    first, second = (open_target("bag_metadata", tmp_path / n) for n in "ab")
    assert first.make(Random(3)) == second.make(Random(3))


def test_a_command_out_of_bounds_is_a_violation() -> None:
    """What a bridge with wider limits does is refused by the narrower ones' bounds."""
    import numpy as np

    from visuomotor.contracts import RobotState
    from visuomotor.geometry import pose

    start = pose(np.diag([1.0, -1.0, -1.0]), [0.45, 0.0, 0.3])

    def play(**wider: float) -> None:
        bridge, bounds = CartesianBridge(BridgeConfig(**wider)), CommandBounds(BridgeConfig())
        robot = RobotState(0, start, np.zeros(7), np.zeros(7), 0.04)
        for step in range(60):
            now_ns = 10**9 + step * 10**7
            bounds.measured(start)
            bridge.set_measured(robot, now_ns)
            bridge.teleop_enable(True, now_ns)
            target = start.copy()
            target[0, 3] += 0.04
            bridge.offer("teleop", target, now_ns)
            output: BridgeOutput = bridge.step(now_ns)
            bounds.check(output, now_ns)

    play()
    for wider, said in (
        ({"max_acceleration": 6.0}, "max_acceleration"),
        ({"max_speed": 1.0, "max_acceleration": 20.0}, "max_acceleration|speed"),
    ):
        with pytest.raises(Violation, match=said):
            play(**wider)
