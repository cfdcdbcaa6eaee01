"""docs/results/peers.md, made of `peers.json`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from visuomotor.bench.peers.merits import MERITS
from visuomotor.bench.study.markdown import grid

Figures = Mapping[str, Any]

HEAD = """# Ours beside others'

`visuomotor bench peers` writes this page, from one run on one machine. The sides of a comparison
run in processes of their own and take turns, so that whatever else the machine does strikes all.
**Figures are medians of {rounds} turns; beside a ratio stand the least and the largest of one
round's.** A ratio above 1 is in our favour. A peer that is not installed is left out, and it says
why. `make lerobot` and `make peers` install them.
"""

LOADERS = """
## Bags to training batches

{episodes} demonstrations of `lift`, {cameras}; batches of {batch} random windows, one thread
besides torch's workers. Every side has the same windows, which is checked before they are timed:
the same number of them, and the same images, states and actions in one of them (AV1 within 0.05).
"Ready" is what a network takes: images as float32 in [0, 1], channels first, with state and action
of 10 numbers. LeRobot delivers that; ours and robomimic deliver uint8 images, and the conversion
is done as their trainings do it. "As delivered" leaves it out. Ours delivers poses, masks,
intrinsics and extrinsics besides.

Made: from the bags to what is read (for the peers, after our cache was made). On disk: what is
read, the bags themselves being {bags_mb:.1f} MB. Cold: the files were taken out of the page cache
first (`posix_fadvise`, which needs no rights and touches nobody else's files); opening, and the
first {first} windows.
"""

SIMULATORS = """
## A control step with its images

Our `lift` (scripted expert, bridge, inverse kinematics; colour **and depth** of each camera)
against robosuite's Lift (Panda, `BASIC` controller: OSC_POSE for the arm; small random actions;
colour), 25 physics steps of 2 ms each, drawn by the processor. `light` draws the arm's collision
geometry, `full` its visual meshes with a seventh of their triangles; neither casts shadows.
robosuite draws all of its meshes, with shadows; *bare* is robosuite with shadows, reflections and
multisampling switched off in its renderer by hand, which is nearest to the same picture as `full`.
"""

SYNCHRONISERS = """
## Sets of nine streams

Three cameras (colour and depth, 20 Hz, triggered together, stamps with 3 ms of jitter) and three
streams of the robot at 100 Hz, delays of 2 to 30 ms, messages lost at random; {seconds} s. Against
`ApproximateTimeSynchronizer`, the Python one of message_filters {version}, with a queue of {queue}
messages, by its slop. Mixed: sets whose images are of different triggers. Ours interpolates the
robot to the set's stamp; it takes a message near it. Only ours tells which messages are in no set,
and why.
"""

FORMS = """
## Training steps beside the formulas as they read

The same loss, in equal forms (checked before they are timed): `bench descriptors` and `bench han`.
"""


def page(result: Mapping[str, Any]) -> str:
    """The page as Markdown."""
    figures = result["figures"]
    parts = [HEAD.format(rounds=figures["rounds"])]
    for name, (title, write) in _SECTIONS.items():
        found = figures.get(name)
        if found is None:
            continue
        if "skipped" in found and len(found) == 1:
            parts.append(f"\n## {title}\n\nNot measured: {found['skipped']}.\n")
        else:
            parts.append(write(found))
    machine = result["machine"]
    parts += [
        MERITS,
        "\n## This run\n\n",
        f"At {result['commit']} on {result['utc']}; {machine['cores']} cores, {machine['cpu']}, "
        f"{machine['platform']}, Python {machine['python']}, no GPU; load average before: "
        f"{figures['load_average_1_min']}. Command: `{result['command']}`.\n",
    ]
    return "".join(parts)


def _loaders(found: Figures) -> str:
    text = LOADERS.format(first=4 * found["batch"], **{k: found[k] for k in _LOADERS_TOLD})
    rows = [
        [
            _name(side),
            f"{f['made_s']:.1f}",
            f"{f['disk_mb']:.1f}",
            f"{f['open_cold_s']:.2f}",
            f"{f['cold_windows_per_s']:.0f}",
        ]
        for side, f in found["sides"].items()
    ]
    head = ("", "made, s", "on disk, MB", "opened cold, s", "first windows, per s")
    parts = [text, "\n", grid(head, rows), "\n"]
    for setting, rates in found["rates"].items():
        length, _, workers = setting.partition("_workers")[0].partition("_step")
        workers = workers.strip("s_")
        steps = f"{length} steps" if length != "1" else "one step"
        parts.append(f"\n**Windows of {steps}, {workers} workers**, warm:\n\n")
        parts.append(grid(_RATES_HEAD, [_rate(side, f) for side, f in rates.items()]) + "\n")
    parts += [f"\nLeft out: {_name(n)}: {why}.\n" for n, why in found["skipped"].items()]
    return "".join([*parts, f"\nVersions: {_versions(found['versions'])}.\n"])


_LOADERS_TOLD = ("episodes", "cameras", "batch", "bags_mb")
_RATES_HEAD = (
    "",
    "ready, windows/s",
    "ours is faster",
    "as delivered, windows/s",
    "ours is faster",
    "memory, MB",
)


def _rate(side: str, f: Figures) -> list[str]:
    ours = side == "ours"
    return [
        _name(side),
        f"{f['windows_per_s']:.0f}",
        "" if ours else _ratio(f["ours_over_this"]),
        f"{f['delivered_windows_per_s']:.0f}",
        "" if ours else _ratio(f["ours_over_this_delivered"]),
        f"{f['memory_mb']:.0f}",
    ]


def _simulators(found: Figures) -> str:
    rows = []
    for view, f in found["views"].items():
        row = [view.replace("_cameras_", " cameras, ")]
        row += [f"{f[k]:.1f}" for k in ("ours_light_ms", "ours_full_ms", "robosuite_ms")]
        row += [_ratio(f[f"robosuite_over_{mine}"]) for mine in ("light", "full")]
        row += [f"{f['robosuite_bare_ms']:.1f}"]
        row += [_ratio(f[f"robosuite_bare_over_{mine}"]) for mine in ("light", "full")]
        rows.append(row)
    versions = _versions(found["versions"])
    return f"{SIMULATORS}\n{grid(_STEPS_HEAD, rows)}\n\nVersions: {versions}.\n"


_STEPS_HEAD = (
    *("", "light, ms", "full, ms", "robosuite, ms", "over light", "over full"),
    *("robosuite bare, ms", "over light", "over full"),
)


def _synchronisers(found: Figures) -> str:
    rows = []
    for loss, f in found["losses"].items():
        for side, sets in f["sets"].items():
            mixed = f["of_several_triggers"].get(side, 0)
            off = f["pose_off_images_ms_p50_p95"].get(side)
            rows.append(
                [
                    loss,
                    "ours" if side == "ours" else side.replace("_", " "),
                    f"{sets} of {f['sets_possible']}",
                    f"{mixed}",
                    f"{f['cpu_us_per_message'][side]:.0f}",
                    "" if side == "ours" else _ratio(f["cpu_over_ours"][side]),
                    "interpolated" if off is None else f"{off[0]:.1f}, {off[1]:.1f}",
                ]
            )
    text = SYNCHRONISERS.format(**found)
    return f"{text}\n{grid(_SETS_HEAD, rows)}\n"


_SETS_HEAD = (
    *("lost", "", "sets", "mixed", "CPU, µs/message", "over ours"),
    "pose off the images, p50, p95 ms",
)


def _forms(found: Figures) -> str:
    rows = []
    both = found["correspondence"]
    for key, what in (
        ("training_step", "correspondence: a training step, 8 pairs"),
        ("loss_and_gradient", "its loss and gradient alone"),
        ("expectation_3d", "its expectations in space"),
    ):
        f = both[key]
        rows.append([what, f["ours_ms"], f["literal_ms"], _spread(f, "literal_over_ours")])
    for form, f in found["hand_eye"].items():
        what = f"hand-eye network: a training step, regions {form} px"
        rows.append([what, f["shared_ms"], f["literal_ms"], _spread(f, "literal_over_shared")])
    lines = [[what, f"{a:.0f}", f"{b:.0f}", c] for what, a, b, c in rows]
    return f"{FORMS}\n{grid(('', 'ours, ms', 'as it reads, ms', 'ratio'), lines)}\n"


_SECTIONS: dict[str, tuple[str, Callable[[Figures], str]]] = {
    "loaders": ("Bags to training batches", _loaders),
    "simulators": ("A control step with its images", _simulators),
    "synchronisers": ("Sets of nine streams", _synchronisers),
    "forms": ("Training steps beside the formulas as they read", _forms),
}


def _spread(f: Figures, key: str) -> str:
    return _ratio({"ratio": f[key], "low": f[f"{key}_low"], "high": f[f"{key}_high"]})


def _ratio(f: Figures) -> str:
    return f"**{f['ratio']:.1f}** ({f['low']:.1f}–{f['high']:.1f})"


def _name(side: str) -> str:
    """A side as the page calls it.

    >>> _name("robomimic_low_dim"), _name("ours")
    ('robomimic, low dim', 'ours')
    """
    library, _, mode = side.partition("_")
    mode = mode.replace("_", " ")
    return f"{library}, {mode}" if mode else library


def _versions(versions: Mapping[str, str | None]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items() if version)
