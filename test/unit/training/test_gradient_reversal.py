"""Gradient reversal: the same forward, the opposite backward, and features that hide a domain."""

import pytest
import torch
from torch import nn

from visuomotor.training.gradient_reversal import ramp, reversed_gradient


def test_it_passes_values_on_and_turns_gradients_round() -> None:
    x = torch.randn(5, 3, requires_grad=True)
    y = reversed_gradient(x, 0.7)
    torch.testing.assert_close(y, x)
    (y * torch.arange(3.0)).sum().backward()
    torch.testing.assert_close(x.grad, -0.7 * torch.arange(3.0).expand(5, 3))


def learned(strength: float) -> float:
    """How well a fresh classifier tells two domains by features that were learned like this.

    The domain is in one input, and the features may pass it on or not.
    """
    torch.manual_seed(0)
    encoder, domain = nn.Linear(4, 2), nn.Linear(2, 1)
    optimiser = torch.optim.Adam([*encoder.parameters(), *domain.parameters()], 0.02)
    loss_of = nn.BCEWithLogitsLoss()
    with torch.no_grad():
        encoder.weight[:, 0] = 1.0

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        x, y = torch.randn(64, 4), torch.randint(0, 2, (64, 1)).float()
        x[:, :1] = 2 * y - 1
        return x, y

    for _ in range(300):
        x, y = batch()
        features = encoder(x)
        task = (features[:, :1] - x[:, 1:2]).square().mean()
        loss = task + loss_of(domain(reversed_gradient(features, strength)), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    judge = nn.Linear(2, 1)
    optimiser = torch.optim.Adam(judge.parameters(), 0.05)
    for _ in range(200):
        x, y = batch()
        loss = loss_of(judge(encoder(x).detach()), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    x, y = batch()
    return float(((judge(encoder(x)) > 0) == (y > 0.5)).float().mean())


def test_reversed_features_hide_the_domain_that_others_show() -> None:
    assert learned(-1.0) > 0.95  # the gradient as it is
    assert learned(1.0) < 0.8


def test_the_ramp_begins_at_zero_and_ends_at_one() -> None:
    values = [ramp(p) for p in (0.0, 0.1, 0.3, 1.0)]
    assert values[0] == 0
    assert values == sorted(values)
    assert values[-1] == pytest.approx(1, abs=1e-3)
