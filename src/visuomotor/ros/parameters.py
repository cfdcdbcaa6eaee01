"""A frozen dataclass's fields as a node's ROS parameters: one list of fields and defaults."""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeVar

from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from visuomotor.config import from_mapping
from visuomotor.errors import ConfigError, unknown_name

C = TypeVar("C")


def declare(node: Node, cls: type[C], live: Collection[str] = ()) -> C:
    """Declares every field of the dataclass `cls` and returns it with the overrides in place.

    Fields are str, int, float, bool or tuples of them. Integers are taken for floats and for
    text; [] and [''] are the empty tuple. live: those that the node looks at again (`read`); a
    change of another one while it runs is refused, for it would be none. So is, with the same text
    as here, what `cls` refuses.
    Raises ConfigError for unknown parameters (naming the near ones) and for bad values.
    """
    where = f"node {node.get_name()}"
    fields = {f.name: f for f in dataclasses.fields(typing.cast(Any, cls))}
    overrides: dict[str, Parameter] = getattr(node, "_parameter_overrides", {})
    for name in overrides:
        if name not in fields and not node.has_parameter(name) and "qos_overrides" not in name:
            raise ConfigError(f"{where}: {unknown_name('parameter', name, fields)}")
    for name, field in fields.items():
        if node.has_parameter(name):
            continue
        # Dynamic typing: an empty list has no element type, and 1 may stand for 1.0.
        descriptor = ParameterDescriptor(dynamic_typing=True)
        try:
            node.declare_parameter(name, _default(field), descriptor)
        except (InvalidParameterTypeException, InvalidParameterValueException) as error:
            raise ConfigError(f"{where}: parameter {name}: {error}") from error
    config = read(node, cls)

    def check(changed: list[Parameter]) -> SetParametersResult:
        values = {p.name: p.value for p in changed if p.name in fields}
        try:
            changed_config = _build(cls, {**_values(node, cls), **values}, where)
        except ConfigError as error:
            return SetParametersResult(successful=False, reason=str(error))
        for name in values:
            if name not in live and getattr(changed_config, name) != getattr(config, name):
                return SetParametersResult(successful=False, reason=_only_at_start(where, name))
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(check)
    return config


def _only_at_start(where: str, name: str) -> str:
    return (
        f"{where}: parameter {name} counts at a start only, and stays as it was; end the node and "
        f"start it again with the new value (-p {name}:=..., or its YAML file)"
    )


def read(node: Node, cls: type[C]) -> C:
    """The dataclass with the node's present parameter values, after `declare`."""
    return _build(cls, _values(node, cls), f"node {node.get_name()}")


def _values(node: Node, cls: type[Any]) -> dict[str, Any]:
    return {f.name: node.get_parameter(f.name).value for f in dataclasses.fields(cls)}


def _build(cls: type[C], values: dict[str, Any], where: str) -> C:
    hints = typing.get_type_hints(cls)
    return from_mapping(cls, {n: _plain(v, hints[n]) for n, v in values.items()}, where)


def _plain(value: Any, hint: Any) -> Any:
    """A parameter's value as `from_mapping` takes it."""
    if hint is str and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if hint is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if typing.get_origin(hint) is tuple:
        if value is None:
            return ()
        if isinstance(value, str):
            return tuple(v.strip() for v in value.split(",") if v.strip())
        items = list(value)
        return () if items in ([""], [math.nan]) else tuple(items)
    return value


def _default(field: dataclasses.Field[Any]) -> Any:
    value = field.default
    if field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    if value is dataclasses.MISSING:
        raise ConfigError(f"parameter {field.name}: its dataclass gives no default; add one")
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value
