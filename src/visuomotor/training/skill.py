"""Trains a skill: a policy that imitates demonstrations in the gripper world.

Petrik, Tapaswi, Laptev and Sivic 2020: Learning Object Manipulation Skills via Approximate State
Estimation from Real Videos, section 4.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from visuomotor import ranks
from visuomotor.checkpoint import save_checkpoint
from visuomotor.errors import DataError, Interrupted
from visuomotor.observations import ObservationSpec
from visuomotor.policies.skill import SkillConfig, SkillNetwork
from visuomotor.sim.gripper import BENCHMARKS, GripperWorlds, Starts, draw_starts
from visuomotor.training.loop import one_thread, torch_threads
from visuomotor.training.ppo import Experience, Learner
from visuomotor.training.progress import Progress, ProgressFile, Report
from visuomotor.training.skill_config import SkillTrainingConfig
from visuomotor.training.skill_rollouts import STEPS, leaving, roll_out
from visuomotor.training.state import TrainingState, inputs_key
from visuomotor.video.demonstration import Demonstration
from visuomotor.video.reward import ImitationReward

SPEC = ObservationSpec(objects=("object",))
"""A skill's motions are relative to where an object is; it sees nothing else."""
STEEPEST_RAD = np.deg2rad(85.0)
INCIDENTAL = ("threads", "check_every", "check_starts", "save_every")
"""Settings that change nothing of what is learned: a run that goes on may have others."""
METRICS = (
    *("seconds", "return", "success", "success_easy", "success_hard", "length"),
    *("orientation", "position", "sigma", "divergence", "clipped", "explained"),
)


class Collector:
    """Worlds in which the policy being learned gathers experience."""

    def __init__(self, config: SkillTrainingConfig, reward: ImitationReward) -> None:
        self.config, self.reward = config, reward
        objects = 2 if reward.action.static else 1
        self.worlds = GripperWorlds(
            config.ppo.worlds, objects, leaving(config.action), config.threads
        )

    def collect(self, network: SkillNetwork, update: int) -> tuple[Experience, dict[str, float]]:
        """`ppo.steps` steps of every world, all of which begin anew, and figures of them.

        An episode ends after 10 s, or, without a reward for that step, where the hand reaches below
        the table or points up or down by more than 85°; the world then begins another.
        """
        c, worlds = self.config.ppo, self.worlds
        rng = np.random.default_rng([self.config.seed, update])
        self._begin(np.arange(c.worlds), update, rng)
        state = worlds.state()
        steps = np.zeros(c.worlds, np.int64)
        seen, actions, rewards, ended = [network.observe(state)], [], [], []
        sigma = network.log_sigma.detach().exp().numpy()
        for _ in range(c.steps):
            with torch.no_grad():
                mean = network.mean(torch.from_numpy(seen[-1])).numpy()
            action = mean + sigma * rng.standard_normal(mean.shape, np.float32)
            state = worlds.step(action)
            steps += 1
            fault = state.hand_on_table | (np.abs(state.elevation) > STEEPEST_RAD)
            fault |= ~np.isfinite(state.objects).all(axis=(1, 2))
            reward = np.where(fault, 0.0, self.reward(steps, state))
            over = fault | (steps >= STEPS)
            actions.append(action)
            rewards.append(reward.astype(np.float32))
            ended.append(over)
            again = np.flatnonzero(over)
            if len(again) and len(actions) < c.steps:
                self._begin(again, update, rng)
                steps[again] = 0
                state = worlds.state()
            seen.append(network.observe(state))
        whole = Experience(np.stack(seen), np.stack(actions), np.stack(rewards), np.stack(ended))
        episodes = max(1, int(whole.ended.sum()))
        figures = {
            "return": float(whole.rewards.sum()) / episodes,
            "length": c.worlds * c.steps / episodes,
        }
        return whole, figures

    def starts(self, n: int, update: int) -> Starts:
        """N others of the starts that this update trains from."""
        worlds = GripperWorlds(n, self.worlds.objects, threads=0)
        rng = np.random.default_rng([self.config.seed, update, 1])
        starts = self.config.curriculum.begin(
            worlds, np.arange(n), update, self.reward.beginnings, rng
        )
        worlds.close()
        return starts

    def _begin(self, which: NDArray[np.int64], update: int, rng: np.random.Generator) -> None:
        self.config.curriculum.begin(self.worlds, which, update, self.reward.beginnings, rng)


def train_skill(
    config: SkillTrainingConfig,
    demonstrations: Sequence[Demonstration],
    out: Path,
    report: Report = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Learns to imitate the demonstrations and writes a checkpoint of family `skill` to `out`.

    Goes on where a run of the same settings and demonstrations was stopped, with the result that an
    uninterrupted one has. Raises DataError for demonstrations of another action, and Interrupted,
    state saved, when `should_stop` says so; ConfigError under torchrun.
    """
    ranks.refuse("train skill", "its worlds share the threads of one process (`threads`)")
    reward = ImitationReward(demonstrations, config.reward, STEPS)
    if reward.action.name != config.action:
        raise DataError(
            f"train skill: got demonstrations of {reward.action.name}, expected {config.action}"
        )
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    network = SkillNetwork(_policy(config), 2 if reward.action.static else 1)
    if reward.action.static:
        network.hold()
    learner = Learner(network, config.ppo)
    decisive = {k: v for k, v in asdict(config).items() if k not in INCIDENTAL}
    key = {"config": decisive, "demonstrations": [_digest(d) for d in demonstrations]}
    state = TrainingState(out, inputs_key(key))
    first = state.restore(network, learner.optimiser)
    file = ProgressFile(out, METRICS, first)
    collector, began = Collector(config, reward), time.monotonic()
    looks = BENCHMARKS if config.check_starts else ()
    checks = {f"_{b}": draw_starts(b, config.check_starts, 977) for b in looks}
    total = config.ppo.updates
    with one_thread():
        for n in range(first, total):
            experience, figures = collector.collect(network, n)
            generator = torch.Generator().manual_seed(config.seed * 1_000_003 + n)
            with torch_threads(config.learner_threads):
                figures |= learner.update(n, experience, generator)
            spread = config.curriculum.spread(n, two=bool(reward.action.static))
            figures["orientation"], figures["position"] = spread
            done = n + 1
            if config.check_starts and (done % config.check_every == 0 or done == total):
                now = collector.starts(config.check_starts, n)
                for name, starts in {"": now, **checks}.items():
                    rollouts = roll_out(network, starts, 0, config.threads)
                    figures[f"success{name}"] = float(rollouts.success.mean())
            elapsed = time.monotonic() - began
            file.add(done, {"seconds": elapsed, **figures})
            eta = elapsed / (done - first) * (total - done)
            report(Progress("train_skill", done, total, _shown(figures), eta))
            stop = should_stop() and done < total
            if stop or (done % config.save_every == 0 and done < total):
                state.save(done, network, learner.optimiser)
            if stop:
                raise Interrupted(
                    f"train_skill: stopped after update {done} of {total}; run it again to go on"
                )
    collector.worlds.close()
    card = (
        f"# Skill: {config.action}\nTrained for {total} updates of {config.ppo.worlds} worlds x "
        f"{config.ppo.steps} steps on {len(demonstrations)} demonstrations ({config.reward.combine}"
        f" reward), seed {config.seed}.\n"
    )
    save_checkpoint(out, "skill", _policy(config), network.state_dict(), {}, SPEC, card)
    state.clear()


def _policy(config: SkillTrainingConfig) -> SkillConfig:
    return SkillConfig(**{f.name: getattr(config, f.name) for f in fields(SkillConfig)})


def _digest(d: Demonstration) -> list[str]:
    values = (getattr(d, f.name) for f in fields(d))
    return [
        sha256(v.tobytes()).hexdigest() if isinstance(v, np.ndarray) else str(v) for v in values
    ]


def _shown(figures: dict[str, float]) -> dict[str, float]:
    return {k: v for k, v in figures.items() if k == "return" or k.startswith("success")}
