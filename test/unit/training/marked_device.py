"""A stand-in for a GPU on a machine without one: tensors that are marked as lying elsewhere.

They say that their device is `meta`, compute on the CPU, and raise where a GPU's would: an
operation that mixes them with tensors on the CPU (single numbers excepted), `.numpy()`, a generator
of the CPU that draws on them, and a norm over layers whose weights have another dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only, tree_unflatten

ELSEWHERE = torch.device("meta")
_aten = torch.ops.aten
_ACROSS = (_aten._to_copy.default, _aten.copy_.default)
"""What may take tensors of both devices."""


class Marked(Tensor):
    """A tensor `inner` on the CPU that says it lies elsewhere."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> Marked:
        made: Marked = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            inner.shape,
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            layout=inner.layout,
            device=ELSEWHERE,
        )
        made.inner = inner
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    def __repr__(self) -> str:  # type: ignore[override]
        return f"Marked({self.inner})"

    @classmethod
    def __torch_dispatch__(
        cls,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        return _compute(func, args, kwargs or {})


class _Elsewhere(TorchDispatchMode):
    """Makes tensors that are asked for on the device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _compute(func, args, kwargs or {})


class _Written(TorchFunctionMode):
    """Numbers that become tensors, and back, do so on the CPU: torch's `meta` would drop them."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is Tensor.tolist:
            args = (args[0].detach().cpu(),)
        if func is Tensor.new_tensor and isinstance(args[0], Marked):
            kwargs = {"dtype": args[0].dtype, "device": ELSEWHERE, **kwargs}
            func, args = torch.tensor, args[1:]
        if func in (torch.tensor, torch.as_tensor) and kwargs.get("device") == ELSEWHERE:
            return func(*args, **{**kwargs, "device": None}).to(ELSEWHERE)
        return func(*args, **kwargs)


@contextmanager
def elsewhere() -> Iterator[torch.device]:
    """Within, the device `ELSEWHERE` can be moved to and made tensors on."""
    with _Elsewhere(), _Written():
        yield ELSEWHERE


def _compute(func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    leaves, form = tree_flatten((args, kwargs))
    tensors = [x for x in leaves if isinstance(x, Tensor)]
    marked = [x for x in tensors if isinstance(x, Marked)]
    if marked and func not in _ACROSS:
        plain = [x for x in tensors if not isinstance(x, Marked) and x.dim() > 0]
        if plain:
            raise RuntimeError(
                f"{func}: expected all tensors on one device, got {[x.shape for x in marked]} "
                f"elsewhere and {[x.shape for x in plain]} on the CPU"
            )
    if marked and func is _aten.native_layer_norm.default:
        dtypes = {x.dtype for x in tensors}
        if len(dtypes) > 1:
            raise RuntimeError(f"{func}: expected one dtype, got {dtypes}")
    asked = kwargs.get("device")
    there = bool(marked) if asked is None else torch.device(asked) == ELSEWHERE
    if there and any(isinstance(x, torch.Generator) for x in leaves):
        raise RuntimeError(f"{func}: got a generator of the CPU for tensors elsewhere")
    if func is _aten.copy_.default:
        there = isinstance(args[0], Marked)
    plainly = [x.inner if isinstance(x, Marked) else x for x in leaves]
    inner_args, inner_kwargs = tree_unflatten(plainly, form)
    if asked is not None and torch.device(asked) == ELSEWHERE:
        inner_kwargs = {**inner_kwargs, "device": torch.device("cpu")}
    result = func(*inner_args, **inner_kwargs)
    if not there:
        return result
    same = {id(x.inner): x for x in marked}
    return tree_map_only(Tensor, lambda t: same[id(t)] if id(t) in same else Marked(t), result)


class Watch:
    """Follows every optimiser within: which parameters it was given, and which it has changed.

    All of them, and their gradients and moments, have to be on the device.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.steps, self.parameters, self.changed = 0, set[int](), set[int]()
        self._before: dict[int, Tensor] = {}
        self._kept: list[Tensor] = []  # else another may get the number of one that is gone

    def __enter__(self) -> Watch:
        self._hooks = (
            register_optimizer_step_pre_hook(self._take),
            register_optimizer_step_post_hook(self._compare),
        )
        return self

    def __exit__(self, *error: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def _take(self, optimiser: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        for p in _parameters(optimiser):
            assert self._there(p), "a parameter that was left on the CPU"
            assert p.grad is None or self._there(p.grad)
            self._before[id(p)] = _plain(p).clone()
            self._kept.append(p)

    def _compare(self, optimiser: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        self.steps += 1
        for p in _parameters(optimiser):
            self.parameters.add(id(p))
            if not torch.equal(_plain(p), self._before[id(p)]):
                self.changed.add(id(p))
        for moments in optimiser.state.values():
            assert all(self._there(v) for k, v in moments.items() if k != "step")

    def _there(self, tensor: Tensor) -> bool:
        return tensor.device.type == self.device.type


def _plain(tensor: Tensor) -> Tensor:
    return tensor.inner if isinstance(tensor, Marked) else tensor.detach()


def _parameters(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    return [p for group in optimiser.param_groups for p in group["params"] if p.requires_grad]
