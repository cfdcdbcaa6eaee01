"""`<param>` elements -> `-p name:=value` and `--params-file FILE`."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from visuomotor.ros.launch.markup import Element

TYPES: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": lambda text: {"true": True, "false": False}[text.lower()],
}


def parameter_arguments(
    element: Element, text: Callable[[Element, str], str], prefix: str = ""
) -> list[str]:
    """The arguments of one <param>: a file (`from`), a value, or nested <param>s.

    Values are YAML, as launch_ros reads them, unless `type` says str, int, float or bool.
    """
    if "from" in element.attributes:
        element.check(("from", "if", "unless"))
        path = Path(text(element, element.attributes["from"]))
        if not path.is_file():
            raise element.error(f"no such parameter file: {path}")
        return ["--params-file", str(path)]
    element.check(("name", "value", "type", "if", "unless"), ("param",))
    name = prefix + text(element, element.required("name"))
    if element.children:
        if "value" in element.attributes:
            raise element.error("got a value and nested parameters, expected one of them")
        nested = (parameter_arguments(c, text, f"{name}.") for c in element.children)
        return [word for words in nested for word in words]
    value = _typed(element, text(element, element.required("value")))
    return ["-p", f"{name}:={_flow(element, value)}"]


def _typed(element: Element, value: str) -> Any:
    kind = element.attributes.get("type")
    if kind is None:
        try:
            return yaml.safe_load(value)
        except yaml.YAMLError:
            return value
    if kind not in TYPES:
        raise element.error(f"type: got {kind!r}, expected one of {', '.join(TYPES)}")
    try:
        return TYPES[kind](value)
    except (ValueError, KeyError):
        raise element.error(f"got {value!r}, expected {kind}") from None


def _flow(element: Element, value: Any) -> str:
    """The value in YAML flow style, typed so that rcl's parser reads the same."""
    if value == []:
        raise element.error("ROS drops parameters that are empty lists; write [''] instead")
    if isinstance(value, list):
        kinds = {type(v) for v in value}
        if kinds == {int, float}:
            value = [float(v) for v in value]
        elif len(kinds) > 1 or not kinds <= {str, int, float, bool}:
            raise element.error(f"got {value}, expected a list of one type")
        return "[" + ", ".join(_flow(element, v) for v in value) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return f"{'-' if value < 0 else ''}.{'nan' if math.isnan(value) else 'inf'}"
    if isinstance(value, (str, bool, int, float)):
        return json.dumps(value, ensure_ascii=False)
    return json.dumps("" if value is None else str(value), ensure_ascii=False)
