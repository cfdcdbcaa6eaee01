"""Features in units of their own spread."""

import torch

from visuomotor.networks.running_norm import RunningNorm


def test_what_differs_little_comes_out_in_units_of_its_spread() -> None:
    generator = torch.Generator().manual_seed(0)
    norm = RunningNorm(3)
    mean, spread = torch.tensor([0.5, -2.0, 0.0]), torch.tensor([0.1, 1.0, 30.0])
    for _ in range(400):
        norm(mean + spread * torch.randn(8, 3, generator=generator))
    seen = norm.eval()(mean + spread * torch.randn(4000, 3, generator=generator))
    assert seen.mean(0).abs().max() < 0.25
    assert (seen.std(0) - 1).abs().max() < 0.2


def test_a_batch_of_one_kind_is_not_taken_for_the_middle() -> None:
    """As a norm by the batch's own statistics would."""
    norm = RunningNorm(1)
    for kind in [-1.0, 1.0] * 50:
        norm(torch.full((8, 1), kind))
    assert norm(torch.full((8, 1), 1.0)).mean() > 0.5


def test_running_it_changes_nothing() -> None:
    norm = RunningNorm(2)
    norm(torch.randn(8, 2))
    norm.eval()
    x = torch.randn(5, 2)
    assert torch.equal(norm(x), norm(x))


def test_it_learns_nothing_but_from_batches() -> None:
    assert not list(RunningNorm(4).parameters())
    x = torch.randn(6, 4, requires_grad=True)
    norm = RunningNorm(4)
    norm(x).sum().backward()
    assert x.grad is not None
    spread = (norm.variance + 1e-3).sqrt()
    torch.testing.assert_close(x.grad, (1 / spread).expand(6, 4))
