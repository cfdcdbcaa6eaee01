"""GTI's first stage: the planner's distributions, and when and what the policy draws."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from made_views import SCALES, SPEC, observation

from visuomotor.checkpoint import save_checkpoint
from visuomotor.config import read_yaml, save_yaml
from visuomotor.errors import CheckpointError, ConfigError
from visuomotor.geometry import pose_delta
from visuomotor.networks import Gaussian, Mixture
from visuomotor.policies import Seeded, load_policy
from visuomotor.policies.bc.config import EncoderConfig
from visuomotor.policies.gti import GtiConfig, GtiPolicy
from visuomotor.policies.gti.network import GtiNetwork
from visuomotor.policies.gti.planner import divergence, nearest_sample

CONFIG = GtiConfig(
    encoder=EncoderConfig("plain", width=4, points=3),
    latent=5,
    modes=4,
    planner=(16, 12),
    drawn_px=4,
    units=8,
    period=3,
)


def write_gti(folder: Path, **changes: object) -> Path:
    torch.manual_seed(0)
    config = replace(CONFIG, **changes)  # type: ignore[arg-type]
    network = GtiNetwork(config, 2)
    tensors = network.state_dict()
    tensors["planner.prior_mixture.layer.weight"] *= 3  # modes that differ from image to image
    tensors["controller.action.weight"] *= 5
    save_checkpoint(folder, "gti", config, tensors, SCALES.tensors(), SPEC, "Random.\n")
    return folder


def gti_policy(folder: Path, **changes: object) -> GtiPolicy:
    policy = load_policy(write_gti(folder, **changes))
    assert isinstance(policy, GtiPolicy)
    return policy


# --- the planner ---


def standard(mean: float, size: int = 5) -> Gaussian:
    return Gaussian(torch.full((400, size), mean), torch.zeros(400, size))


def mixture_of(gaussian: Gaussian) -> Mixture:
    return Mixture(
        torch.zeros(len(gaussian.mean), 1), gaussian.mean[:, None], gaussian.log_variance[:, None]
    )


def test_divergence_is_nothing_between_equals_and_large_between_strangers() -> None:
    """Of one mode, where it is known: half the squared distance, for unit variances."""
    posterior, generator = standard(0.0), torch.Generator().manual_seed(0)
    z = posterior.sample(generator)
    same = divergence(posterior, mixture_of(posterior), z)
    torch.testing.assert_close(same, torch.zeros(400), atol=1e-5, rtol=0)
    for away in (1.0, 4.0):
        far = divergence(posterior, mixture_of(standard(away)), z)
        assert float(far.mean()) == pytest.approx(0.5 * 5 * away**2, rel=0.15)


def test_divergence_falls_when_one_of_several_modes_is_right() -> None:
    posterior = standard(2.0)
    z = posterior.sample(torch.Generator().manual_seed(0))
    two = Mixture(
        torch.zeros(400, 2),
        torch.stack([standard(-2.0).mean, posterior.mean], dim=1),
        torch.zeros(400, 2, 5),
    )
    both = divergence(posterior, two, z).mean()
    assert float(both) == pytest.approx(np.log(2), abs=0.01)


def test_of_more_samples_the_nearest_is_nearer_and_passes_no_gradient() -> None:
    torch.manual_seed(0)
    prior = Mixture(
        torch.zeros(50, 3), torch.randn(50, 3, 5, requires_grad=True), torch.zeros(50, 3, 5)
    )
    mean = torch.randn(50, 5, requires_grad=True)
    distances = []
    for count in (1, 8, 64):
        found, modes = nearest_sample(prior, mean, count, torch.Generator().manual_seed(1))
        assert not found.requires_grad
        assert modes.shape == (50,)
        distances.append(float((found - mean.detach()).norm(dim=-1).mean()))
    assert distances[0] > distances[1] > distances[2]


@pytest.mark.parametrize("conditioned", [True, False])
def test_the_planners_shapes(conditioned: bool) -> None:
    config = replace(CONFIG, conditioned=conditioned)
    network = GtiNetwork(config, 2)
    features = network.encoder(
        [torch.rand(6, 3, c.height, c.width) for c in SPEC.cameras], torch.zeros(6, 7)
    )
    assert features.shape == (6, 2 * 2 * 3 + 7)
    posterior = network.planner.posterior(features, features)
    prior = network.planner.prior(features)
    z = posterior.sample(torch.Generator())
    assert z.shape == (6, 5)
    assert prior.means.shape == (6, 4, 5)
    subgoal = network.planner.decode(z, features)
    assert subgoal.images.shape == (6, 2, 3, 4, 4)
    assert subgoal.robot.shape == (6, 7)
    other = network.planner.decode(z, features + 1)
    assert torch.equal(other.robot, subgoal.robot) != conditioned


# --- the policy ---


def test_info_says_which_latent_it_follows(tmp_path: Path) -> None:
    policy = gti_policy(tmp_path)
    chunk = policy.act(observation())
    shapes = {name: value.shape for name, value in chunk.info.items()}
    assert shapes == {
        "mode": (1,),
        "mode_weights": (4,),
        "prior_means": (4, 5),
        "latent": (5,),
        "subgoal_image": (4, 8, 3),
        "action_target": (1, 3),
    }
    assert chunk.info["mode_weights"].sum() == pytest.approx(1)
    assert 0 <= chunk.info["subgoal_image"].min() <= chunk.info["subgoal_image"].max() <= 1
    policy.config = replace(policy.config, temperature=0.0)
    policy.reset()
    info = policy.act(observation()).info
    np.testing.assert_allclose(info["latent"], info["prior_means"][int(info["mode"][0])])


def test_memory_begins_anew_with_each_latent(tmp_path: Path) -> None:
    """Without chance and before one image, it repeats itself every `period` steps."""
    policy = gti_policy(tmp_path, choice="likeliest", temperature=0.0)
    actions = [policy.act(observation(t)).poses[0] for t in range(9)]
    for t in range(6):
        np.testing.assert_array_equal(actions[t], actions[t + 3])
    assert not np.allclose(actions[0], actions[1], atol=1e-9), "within one latent it remembers"


def test_latents_last_a_period_by_the_clock(tmp_path: Path) -> None:
    policy = gti_policy(tmp_path)
    steps = [0, 1, 2, 3, 4, 7, 8, 9, 10]  # two sets are lost
    latents = [policy.act(observation(t)).info["latent"] for t in steps]
    changes = [bool((a != b).any()) for a, b in pairwise(latents)]
    assert changes == [False, False, True, False, True, False, False, True]
    again = policy.act(observation(2)).info["latent"]
    assert (again != latents[-1]).any(), "a clock that goes back begins anew"


def test_a_seed_makes_episodes_that_can_be_repeated_and_differ(tmp_path: Path) -> None:
    policy = gti_policy(tmp_path)
    assert isinstance(policy, Seeded)

    def episode() -> np.ndarray:
        policy.reset()
        return np.stack([policy.act(observation(t)).info["latent"] for t in range(7)])

    policy.seed(5)
    first, second = episode(), episode()
    assert (first != second).any(), "each episode draws afresh"
    policy.seed(5)
    np.testing.assert_array_equal(episode(), first)
    policy.seed(6)
    assert (episode() != first).any()
    other = gti_policy(tmp_path / "other")
    other.seed(5)
    np.testing.assert_array_equal(other.act(observation(0)).info["latent"], first[0])


def test_no_step_is_longer_than_a_demonstrated_one(tmp_path: Path) -> None:
    policy = gti_policy(tmp_path)
    for t in range(20):
        seen = observation(t, seed=t)
        delta = pose_delta(seen.T_base_ee, policy.act(seen).poses[0])
        assert np.linalg.norm(delta[:3]) <= 0.01 + 1e-9
        assert np.linalg.norm(delta[3:]) <= 0.05 + 1e-6


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    folder = write_gti(tmp_path)
    values = read_yaml(folder / "config.yaml")
    save_yaml({**values, "temprature": 1.0}, folder / "config.yaml")
    with pytest.raises(ConfigError, match=r"'temprature'; did you mean 'temperature'"):
        load_policy(folder)
    save_yaml({**values, "modes": 3}, folder / "config.yaml")
    with pytest.raises(CheckpointError, match="do not fit the configuration"):
        load_policy(folder)
    for changes, said in (({"modes": 0}, "modes 0"), ({"temperature": -1.0}, "temperature -1")):
        with pytest.raises(ValueError, match=said):
            replace(CONFIG, **changes)  # type: ignore[arg-type]
