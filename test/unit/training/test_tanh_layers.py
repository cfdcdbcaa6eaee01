"""Gradients without autograd are autograd's."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from visuomotor.training.tanh_layers import TanhLayers


@pytest.mark.parametrize("hidden", [(), (6,), (6, 9), (9, 6, 9)])
def test_values_and_gradients_are_autograds(hidden: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    sizes = (5, *hidden, 3)
    parts: list[nn.Module] = []
    for one, other in pairwise(sizes):
        parts += [nn.Linear(one, other), nn.Tanh()]
    network = nn.Sequential(*parts[:-1])
    layers = TanhLayers(network, 8)
    for rows in (8, 3):  # the buffers are used again, in part
        inputs, error = torch.randn(rows, 7)[:, :5], torch.randn(rows, 3)
        expected = network(inputs)
        network.zero_grad()
        expected.backward(error)
        gradients = [p.grad.clone() for p in network.parameters() if p.grad is not None]
        torch.testing.assert_close(layers.forward(inputs), expected.detach())
        layers.backward(error)
        for parameter, gradient in zip(network.parameters(), gradients, strict=True):
            torch.testing.assert_close(parameter.grad, gradient)


def test_other_networks_are_refused() -> None:
    with pytest.raises(ValueError, match=r"ReLU.*expected linear layers with tanh"):
        TanhLayers(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)), 4)
