"""The substitutions `$(var x default)`, `$(env X default)`, `$(find-pkg-share p)`, `$(dirname)`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from visuomotor.errors import ConfigError, unknown_name
from visuomotor.ros.launch.location import share_folder

SUBSTITUTIONS = ("var", "env", "find-pkg-share", "dirname")


@dataclass(frozen=True)
class Scope:
    """What substitutions see: launch arguments, the environment and the file's folder."""

    variables: Mapping[str, str]
    environment: Mapping[str, str]
    folder: Path


def substitute(text: str, scope: Scope) -> str:
    """The text with every substitution replaced; quotes group words, a backslash escapes.

    Raises ConfigError for unknown substitutions, variables and packages.
    """
    value, end = _template(text, 0, scope, nested=False)
    assert end == len(text)
    return value


def _template(text: str, i: int, scope: Scope, nested: bool) -> tuple[str, int]:
    """Text up to the end, or in a substitution up to a space or the closing bracket."""
    parts: list[str] = []
    while i < len(text):
        c = text[i]
        if c == "\\" and i + 1 < len(text) and text[i + 1] in "$\"'\\":
            parts.append(text[i + 1])
            i += 2
        elif text.startswith("$(", i):
            value, i = _substitution(text, i + 2, scope)
            parts.append(value)
        elif nested and (c == ")" or c.isspace()):
            break
        elif nested and c in "\"'":
            value, i = _quoted(text, i, scope)
            parts.append(value)
        else:
            parts.append(c)
            i += 1
    return "".join(parts), i


def _quoted(text: str, i: int, scope: Scope) -> tuple[str, int]:
    end = text.find(text[i], i + 1)
    if end < 0:
        raise ConfigError(f"{text!r}: the quote at {text[i:]!r} is not closed")
    return substitute(text[i + 1 : end], scope), end + 1


def _substitution(text: str, i: int, scope: Scope) -> tuple[str, int]:
    words: list[str] = []
    while i < len(text) and text[i] != ")":
        if text[i].isspace():
            i += 1
            continue
        word, i = _template(text, i, scope, nested=True)
        words.append(word)
    if i >= len(text):
        raise ConfigError(f"{text!r}: a `$(` is not closed")
    if not words:
        raise ConfigError(f"{text!r}: empty substitution $()")
    return _value(words[0], words[1:], scope), i + 1


def _value(name: str, words: list[str], scope: Scope) -> str:
    if name not in SUBSTITUTIONS:
        raise ConfigError(
            f"$({name} ...): {unknown_name('substitution', name, SUBSTITUTIONS)}; "
            "`ros2 launch` may know it"
        )
    most = {"var": 2, "env": 2, "find-pkg-share": 1, "dirname": 0}[name]
    least = min(most, 1)
    if not least <= len(words) <= most:
        raise ConfigError(f"$({name}): got {len(words)} words {words}, expected {least} to {most}")
    if name == "dirname":
        return str(scope.folder)
    if name == "find-pkg-share":
        return str(share_folder(words[0], scope.environment))
    if name == "var":
        if words[0] not in scope.variables and len(words) == 1:
            raise ConfigError(f"$(var): {unknown_name('variable', words[0], scope.variables)}")
        return scope.variables.get(words[0], words[-1])
    if words[0] in scope.environment:
        return scope.environment[words[0]]
    if len(words) < 2:
        raise ConfigError(f"$(env {words[0]}): not set, and there is no default after the name")
    return words[1]
