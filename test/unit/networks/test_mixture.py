"""Gaussian mixtures: densities, samples, and what one can learn that a single Gaussian cannot."""

import math

import pytest
import torch
from torch import distributions as D

from visuomotor.errors import CheckpointError
from visuomotor.networks import Gaussian, Mixture, MixtureLayer


def some_mixture(*shape: int, modes: int = 4, size: int = 3) -> Mixture:
    torch.manual_seed(0)
    return Mixture(
        torch.randn(*shape, modes),
        torch.randn(*shape, modes, size),
        torch.randn(*shape, modes, size),
    )


def test_weights_that_are_not_finite_are_told() -> None:
    mixture = some_mixture(2)
    mixture.logits[1, 0] = torch.nan
    with pytest.raises(CheckpointError, match="weights of its components that are not finite"):
        mixture.sample(torch.Generator())


@pytest.mark.parametrize("shape", [(), (5,), (2, 5)])
def test_densities_are_those_of_torch(shape: tuple[int, ...]) -> None:
    mixture = some_mixture(*shape)
    z = torch.randn(*shape, 3)
    components = D.Independent(D.Normal(mixture.means, (0.5 * mixture.log_variances).exp()), 1)
    expected = D.MixtureSameFamily(D.Categorical(logits=mixture.logits), components)
    torch.testing.assert_close(mixture.log_prob(z), expected.log_prob(z))
    one = Gaussian(mixture.means[..., 0, :], mixture.log_variances[..., 0, :])
    torch.testing.assert_close(mixture.mode_log_probs(z)[..., 0], one.log_prob(z))


def test_samples_are_of_the_distribution_that_says_their_density() -> None:
    """Their mean log density is minus the entropy, which the grid integrates."""
    torch.manual_seed(1)
    mixture = Mixture(torch.tensor([0.0, 1.0]), torch.tensor([[-2.0], [1.0]]), torch.zeros(2, 1))
    grid = torch.linspace(-12, 12, 4001)
    log_p = mixture.log_prob(grid[:, None])
    entropy = -(log_p.exp() * log_p).sum() * float(grid[1] - grid[0])
    modes, samples = mixture.sample(torch.Generator().manual_seed(0), 20_000)
    assert float(mixture.log_prob(samples).mean()) == pytest.approx(-float(entropy), abs=0.02)
    share = float((modes == 1).float().mean())
    assert share == pytest.approx(1 / (1 + math.exp(-1)), abs=0.02)


def test_temperature_and_choice_say_how_samples_are_drawn() -> None:
    mixture, generator = some_mixture(6), torch.Generator()
    modes, samples = mixture.sample(generator, 5, temperature=0.0)
    means = mixture.means.gather(1, modes[..., None].expand(-1, -1, 3))
    torch.testing.assert_close(samples, means)
    best, _ = mixture.sample(generator, 5, likeliest=True)
    assert torch.equal(best, mixture.logits.argmax(-1)[:, None].expand(-1, 5))
    wide, narrow = (
        (mixture.sample(torch.Generator().manual_seed(3), 500, t)[1]) for t in (1.0, 0.5)
    )
    middle = mixture.sample(torch.Generator().manual_seed(3), 500, 0.0)[1]
    torch.testing.assert_close(narrow - middle, 0.5 * (wide - middle), atol=1e-5, rtol=1e-5)


def test_components_of_little_weight_need_not_be_drawn() -> None:
    weights = torch.tensor([0.5, 0.3, 0.12, 0.08])
    mixture = Mixture(weights.log().expand(2, 4), torch.zeros(2, 4, 3), torch.zeros(2, 4, 3))
    modes, _ = mixture.sample(torch.Generator().manual_seed(0), 4000, least_share=0.25)
    share = torch.stack([(modes == m).float().mean() for m in range(4)])
    torch.testing.assert_close(share, torch.tensor([0.625, 0.375, 0.0, 0.0]), atol=0.02, rtol=0)
    every, _ = mixture.sample(torch.Generator().manual_seed(0), 4000)
    assert set(every.unique().tolist()) == {0, 1, 2, 3}
    one, _ = mixture.sample(torch.Generator().manual_seed(0), 50, least_share=1.0)
    assert set(one.unique().tolist()) == {0}, "the greatest is always there"


def test_a_gaussians_sample_passes_gradients_on() -> None:
    mean = torch.zeros(4, 2, requires_grad=True)
    spread = torch.zeros(4, 2, requires_grad=True)
    Gaussian(mean, spread).sample(torch.Generator()).sum().backward()
    assert mean.grad is not None
    assert spread.grad is not None
    assert bool((mean.grad == 1).all())
    assert bool((spread.grad != 0).all())


def test_a_layers_variances_stay_in_their_bounds() -> None:
    layer = MixtureLayer(5, 3, 2, (-1.0, 0.5))
    mixture = layer(1000 * torch.randn(7, 4, 5))
    assert mixture.means.shape == mixture.log_variances.shape == (7, 4, 3, 2)
    assert mixture.logits.shape == (7, 4, 3)
    assert float(mixture.log_variances.detach().min()) == -1.0
    assert float(mixture.log_variances.detach().max()) == 0.5


@pytest.mark.parametrize("modes", [1, 4])
def test_only_a_mixture_keeps_two_ways_apart(modes: int) -> None:
    """Where one condition has latents at +2 and -2, a single Gaussian also draws between them."""
    torch.manual_seed(0)
    layer = MixtureLayer(2, modes, 3, (-6.0, 2.0))
    optimiser = torch.optim.Adam(layer.parameters(), 0.05)
    condition = torch.eye(2).repeat(128, 1)
    for _ in range(200):
        side = torch.where(torch.rand(256, 1) < 0.5, 2.0, -2.0)
        side[1::2] = 2.0  # the second condition allows one way alone
        loss = -layer(condition).log_prob(side + 0.2 * torch.randn(256, 3)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    _, samples = layer(torch.eye(2)).sample(torch.Generator().manual_seed(0), 2000)
    between = (samples.abs() < 1.0).all(-1).float().mean(1)
    positive = (samples > 1.0).all(-1).float().mean(1)
    assert (between[0] > 0.02) == (modes == 1)
    assert (abs(positive[0] - 0.5) < 0.15) == (modes > 1)
    assert positive[1] > 0.9, "its weights follow the condition"
