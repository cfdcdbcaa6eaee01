"""Frozen dataclasses as the only list of a configuration's fields; from and to YAML."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, Union

import yaml

from visuomotor.errors import ConfigError, shown, unknown_name

C = TypeVar("C")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The C one, where PyYAML has it, reads a folder of sidecars ten times as fast."""
_MOST_BYTES, _DEEPEST, _MOST_VALUES = 4_000_000, 100, 200_000
"""No file of ours comes near; a file made to exhaust memory or stack goes far beyond."""


def from_mapping(cls: type[C], values: Mapping[str, Any], where: str = "") -> C:
    """Builds the dataclass `cls` from plain values (nested mappings and lists allowed).

    `where` names the source in errors (a file, a node). Raises ConfigError for unknown keys
    (naming the near ones), wrong types, and whatever the dataclass's own validation refuses.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(
            f"{where or cls.__name__}: got {type(values).__name__}, expected a mapping of "
            f"{cls.__name__} fields"
        )
    fields = {f.name: f for f in dataclasses.fields(typing.cast(Any, cls)) if f.init}
    hints = typing.get_type_hints(cls)
    prefix = f"{where}: " if where else ""
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        if key not in fields:
            name = key if isinstance(key, str) else shown(key)
            raise ConfigError(prefix + unknown_name(f"{cls.__name__} key", name, fields))
        arguments[key] = _convert(hints[key], value, f"{prefix}{cls.__name__}.{key}")
    missing = [
        n
        for n, f in fields.items()
        if n not in arguments
        and f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ConfigError(f"{prefix}{cls.__name__} lacks {', '.join(missing)}")
    try:
        return cls(**arguments)
    except (ValueError, OverflowError) as error:  # what it checks, and numbers no float holds
        raise ConfigError(f"{prefix}{error}") from error


def to_mapping(config: Any) -> dict[str, Any]:
    """The dataclass as plain values that YAML can hold; `from_mapping` reads them back."""
    plain = _plain(dataclasses.asdict(config))
    assert isinstance(plain, dict)
    return plain


def load_yaml(cls: type[C], path: Path | str) -> C:
    """Reads a YAML file into the dataclass `cls`; ConfigError names the file."""
    return from_mapping(cls, read_yaml(path), str(path))


def read_yaml(path: Path | str) -> dict[str, Any]:
    """A YAML file's mapping (empty file: empty mapping); ConfigError if it is none."""
    path = Path(path)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigError(f"{path}: got more than {_MOST_BYTES} bytes, expected a YAML file")
        text = path.read_text()
        _check_size(text)
        values = yaml.load(text, Loader=_LOADER)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; expected a YAML file") from None
    except ConfigError:
        raise
    except Exception as error:  # PyYAML's own, and ValueError, KeyError ... of odd scalars
        raise ConfigError(f"{path}: not readable as YAML: {error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: got {type(values).__name__}, expected a YAML mapping")
    for key in values:
        if not isinstance(key, str):  # as `yes:` and `1:` are read
            raise ConfigError(f"{path}: got the key {shown(key)}, expected text; put it in quotes")
    return values


def _check_size(text: str) -> None:
    """Raises ValueError for values within values, or aliases of aliases, without end.

    PyYAML builds both before anybody can look: depth ends the process, aliases fill its memory as
    soon as the values are printed or copied. Most files can have neither and are not walked.
    """
    few = all(text.count(opening) < _DEEPEST // 2 for opening in ("[", "{", "- ", "? "))
    if few and len(text) < 16_000 and "*" not in text:
        return
    sizes: dict[str, int] = {}
    inside: list[tuple[str | None, int]] = [(None, 0)]
    for event in yaml.parse(text, Loader=_LOADER):
        size = 0
        if isinstance(event, yaml.CollectionStartEvent):
            if len(inside) > _DEEPEST:
                raise ValueError(f"more than {_DEEPEST} values within one another")
            inside.append((event.anchor, 1))
        elif isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _ in inside):
                raise ValueError(f"the value &{event.anchor} contains itself")
            size = sizes.get(event.anchor, 1)
        elif isinstance(event, yaml.ScalarEvent):
            size = 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = inside.pop()
            if anchor is not None:
                sizes[anchor] = size
        inside[-1] = (inside[-1][0], inside[-1][1] + size)
        if inside[-1][1] > _MOST_VALUES:
            raise ValueError(f"more than {_MOST_VALUES} values, aliases counted as what they name")


def save_yaml(config: Any, path: Path | str) -> None:
    """Writes a dataclass (or a plain mapping) as YAML, keys in the order of the fields."""
    values = to_mapping(config) if dataclasses.is_dataclass(config) else _plain(config)
    Path(path).write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    return value


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        options = [a for a in arguments if a is not type(None)]
        for option in options:
            try:
                return _convert(option, value, where)
            except ConfigError as error:
                if len(options) == 1:
                    raise error
        raise ConfigError(f"{where}: got {shown(value)}, expected {hint}")
    if origin is typing.Literal:
        if value not in arguments:
            name = value if isinstance(value, str) else shown(value)
            raise ConfigError(f"{where}: {unknown_name('value', name, map(str, arguments))}")
        return value
    if dataclasses.is_dataclass(hint):
        if isinstance(value, typing.cast(type, hint)):
            return value
        return from_mapping(typing.cast(type, hint), value, where)
    if origin in (tuple, list):
        if not isinstance(value, (list, tuple)):
            raise ConfigError(f"{where}: got {shown(value)}, expected a list")
        if origin is list or (len(arguments) == 2 and arguments[1] is Ellipsis):
            items = [_convert(arguments[0], v, f"{where}[{i}]") for i, v in enumerate(value)]
        else:
            if len(value) != len(arguments):
                raise ConfigError(f"{where}: got {len(value)} items, expected {len(arguments)}")
            items = [
                _convert(a, v, f"{where}[{i}]")
                for i, (a, v) in enumerate(zip(arguments, value, strict=True))
            ]
        return tuple(items) if origin is tuple else items
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: got {shown(value)}, expected a mapping")
        return {
            _convert(arguments[0], k, f"{where}: key"): _convert(arguments[1], v, f"{where}.{k}")
            for k, v in value.items()
        }
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise ConfigError(f"{where}: got {shown(value)}, expected a number") from None
    if isinstance(value, str) and "\0" in value:
        raise ConfigError(f"{where}: got {shown(value)}, expected text without zero bytes")
    if hint is Path and isinstance(value, (str, Path)):
        return Path(value)
    if isinstance(hint, type) and (
        not isinstance(value, hint) or (hint is int and isinstance(value, bool))
    ):
        raise ConfigError(f"{where}: got {shown(value)}, expected {hint.__name__}")
    return value
