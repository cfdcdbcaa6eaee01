"""YAML that was changed by one field, by accident, or by somebody who means harm."""

from __future__ import annotations

from random import Random
from typing import Any

import yaml

from visuomotor.bench.fuzzing.mutation import mutated
from visuomotor.bench.fuzzing.values import changed, strange

_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_ALIASES = "\n".join(
    f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9) if i else 'a, b'}]" for i in range(12)
)
_MERGES = "\n".join(
    f"m{i}: &m{i} {{{', '.join(f'<<: *m{i - 1}' for _ in range(2)) if i else 'a: 1'}}}"
    for i in range(9)
)
HARM: tuple[str, ...] = (
    _ALIASES,
    _MERGES,
    "r: &r [*r]",
    "r: &r {a: *r}",
    "r: &r\n  - *r\n  - 1",
    "? &r [*r]\n: 1",
    "d: " + "[" * 300,
    "d: " + "[" * 90 + "]" * 90,
    "d: " + "[" * 30_000,
    "d: " + "[" * 30_000 + "]" * 30_000,
    "d: " + "{a: " * 20_000 + "1" + "}" * 20_000,
    "d:\n" + "- " * 20_000 + "1",
    "d: " + "!a " * 50,
    "? " * 2000 + "a",
    "o: !!python/object/apply:os.system ['true']",
    "o: !!python/object/apply:subprocess.check_output [['true']]",
    "o: !!python/object/new:type {args: [z, !!python/tuple [], {}]}",
    "o: !!python/name:os.system",
    "o: !!python/module:antigravity",
    "o: !!python/tuple [1, 2]",
    "o: !!python/object:visuomotor.recording.sidecar.Sidecar {task: x}",
    "o: !!map [1]",
    "o: !!float abc",
    "o: !!int abc",
    "o: !!bool abc",
    "o: !!timestamp abc",
    "o: !!binary '%%%'",
    "o: !!set {a, b}",
    "o: !!omap [1]",
    "o: !!pairs [[1]]",
    "o: !!null x",
    "o: 2020-13-45",
    "o: 2020-02-30 25:61:61",
    "o: 0b_",
    "o: 0x_",
    "o: 0o9",
    "o: 190:20:30",
    "o: 1" + "0" * 5000,
    "o: 1e99999",
    "o: .nan",
    "o: '\\ud800'",
    'o: "\\ud800"',
    'o: "\\U00110000"',
    "o: =",
    "<<: 3",
    "<<: [3]",
    "? [a, b]\n: c",
    "? {a: b}\n: c",
    "a: *nobody",
    "- a\n- b",
    "just text",
    "%YAML 9.9\n---\na: 1",
    "--- a\n--- b",
    "a: 1\na: 2",
    "\ta: 1",
    "\ufeffa: 1",
)
"""Bombs of aliases and of depth, tags that would make objects, scalars that are none."""


def yaml_text(values: Any, rng: Random) -> bytes:
    """A YAML text that once said `values`."""
    what = rng.randrange(8)
    if what == 0:
        return mutated(_dumped(values), rng)
    if what == 1:
        return mutated(_dumped(changed(values, rng)), rng)
    if what == 2:
        return _with_harm(values, rng)
    if what == 3:
        return _dumped(values).decode().encode(rng.choice(("utf-16", "utf-16-le", "utf-32")))
    if what == 4:
        return _dumped(strange(rng))
    return _dumped(changed(values, rng, rng.choice((1, 1, 1, 2, 5))))


def _with_harm(values: Any, rng: Random) -> bytes:
    """One of HARM instead of everything, beside it, or as one field's value."""
    harm = rng.choice(HARM)
    text = _dumped(values).decode()
    what = rng.randrange(4)
    if what == 0:
        return _encoded(harm)
    if what == 1:
        return _encoded(f"{harm}\n{text}")
    if what == 2:
        return _encoded(f"{text}\n{harm}")
    lines = text.splitlines()
    value = harm.partition(": ")[2] or harm
    fields = [i for i, line in enumerate(lines) if line.endswith(":") or ": " in line]
    if fields:
        at = rng.choice(fields)
        lines[at] = f"{lines[at].partition(':')[0]}: {value}"
        if rng.random() < 0.5:  # an alias needs what it names
            lines.insert(0, _ALIASES)
            lines[at + 1] = f"{lines[at + 1].partition(':')[0]}: *x11"
    return _encoded("\n".join(lines))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _dumped(values: Any) -> bytes:
    try:
        return _encoded(yaml.dump(values, Dumper=_DUMPER, sort_keys=False, allow_unicode=True))
    except (yaml.YAMLError, RecursionError):
        return b""
