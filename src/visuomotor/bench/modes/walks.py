"""Rollouts of a policy that draws latents: where the hand went under which, and what it drew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from visuomotor.bench.evaluation import goals_by_pair, run_rollouts
from visuomotor.contracts import Float64, SyncedFrame, UInt8
from visuomotor.errors import ConfigError
from visuomotor.policies.runtime import PolicyRuntime
from visuomotor.sim import SimConfig
from visuomotor.sim.rollout import Rollout


@dataclass(frozen=True)
class Draw:
    """One latent: step, mode, weights (M,), means (M, D) and latent (D,) of the prior.

    subgoal (P, N P, 3) in [0, 1]: decoded, the cameras side by side. seen: the cameras' images then
    (H, W, 3), empty where they were not to be kept.
    """

    step: int
    mode: int
    weights: Float64
    means: Float64
    latent: Float64
    subgoal: Float64
    seen: tuple[UInt8, ...] = ()


@dataclass
class Walk:
    """One rollout: the hand's places in base, m, and the mode it then followed, per step."""

    seed: int
    start: str = ""
    reached: str = ""
    hand_m: list[Float64] = field(default_factory=list)
    modes: list[int] = field(default_factory=list)
    draws: list[Draw] = field(default_factory=list)


def walk(
    checkpoint: Path,
    sim: SimConfig,
    seeds: Sequence[int],
    keep_images: int = 0,
    progress: Callable[[Rollout], None] = lambda _: None,
) -> list[Walk]:
    """Rolls a policy out and notes what it draws; keep_images: of so many first rollouts.

    Raises ConfigError for a policy that draws no latents.
    """
    walks = {seed: Walk(seed) for seed in seeds}
    kept = set(list(seeds)[:keep_images])

    def on_step(seed: int, frame: SyncedFrame, runtime: PolicyRuntime) -> None:
        info = {} if runtime.chunk is None else runtime.chunk.info
        if "mode_weights" not in info:
            raise ConfigError(
                f"{checkpoint}: says nothing on the modes it draws; expected a policy of family gti"
            )
        path = walks[seed]
        if not path.draws or not np.array_equal(path.draws[-1].latent, info["latent"]):
            seen = tuple(c.color for c in frame.cameras.values()) if seed in kept else ()
            drawn = Draw(
                step=len(path.modes),
                mode=int(info["mode"][0]),
                weights=np.array(info["mode_weights"]),
                means=np.array(info["prior_means"]),
                latent=np.array(info["latent"]),
                subgoal=np.array(info["subgoal_image"]),
                seen=seen,
            )
            path.draws.append(drawn)
        path.hand_m.append(frame.robot.T_base_ee[:3, 3].copy())
        path.modes.append(path.draws[-1].mode)

    for rollout in run_rollouts(checkpoint, sim, seeds, on_step=on_step):
        walks[rollout.seed].start = rollout.pair.partition(">")[0]
        walks[rollout.seed].reached = rollout.reached
        progress(rollout)
    return list(walks.values())


def summary(walks: Sequence[Walk]) -> dict[str, Any]:
    """Goals by start, how often each mode was drawn, and how many modes that is (perplexity)."""
    drawn = Counter(d.mode for w in walks for d in w.draws)
    shares = np.array(list(drawn.values())) / max(1, sum(drawn.values()))
    ended = [
        Rollout(w.seed, bool(w.reached), len(w.modes), pair=f"{w.start}>", reached=w.reached)
        for w in walks
    ]
    return {
        "rollouts": len(walks),
        "goals": goals_by_pair(ended),
        "draws": sum(drawn.values()),
        "modes": {str(mode): n for mode, n in sorted(drawn.items())},
        "modes_used": round(float(np.exp(-(shares * np.log(shares)).sum())), 2) if drawn else 0.0,
    }
