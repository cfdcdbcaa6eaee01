"""The README's results, generated from the result files: `python -m visuomotor.bench.tables`.

Every row names its file and figure; a file that does not exist yet has no rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visuomotor.bench.study_rows import study_rows
from visuomotor.errors import DataError

BEGIN = "<!-- results: begin; `make bench` writes what is between -->"
END = "<!-- results: end -->"


@dataclass(frozen=True)
class Row:
    """One line of the table: `text` formats the result file's content."""

    file: str
    what: str
    text: Callable[[dict[str, Any]], str]


def _success(result: dict[str, Any]) -> str:
    low, high = result["interval"]
    return f"{result['success']:.3f} of {result['n']} [{low:.3f}, {high:.3f}]"


def _image(result: dict[str, Any]) -> str:
    vga = result["figures"]["640x480_rgb8"]
    return f"{vga['ours']['p50_ms']:.1f} ms ({vga['default']['p50_ms']:.1f} ms with the default)"


def _soak(result: dict[str, Any]) -> str:
    f = result["figures"]
    worst = max(of["pss_mb"]["percent_per_hour"] for of in f["growth"].values())
    return f"{f['rate_hz']:.2f} for {f['minutes']:.0f} min, {worst:+.2f} %/h"


def _over_loaders(result: dict[str, Any]) -> str:
    rates = result["figures"]["loaders"]["rates"]["8_steps_0_workers"]
    return " and ".join(
        f"{rates[side]['ours_over_this']['ratio']:.1f}" if side in rates else "–"
        for side in ("lerobot_video", "robomimic_all")
    )


def _over_robosuite(result: dict[str, Any]) -> str:
    view = result["figures"]["simulators"]["views"]["2_cameras_84x84"]
    return " and ".join(
        f"{view[f'robosuite_over_{mine}']['ratio']:.1f}" for mine in ("light", "full")
    )


def _backends(result: dict[str, Any]) -> str:
    slowed = result["machine"].get("time_slowed_by")
    counts = " and ".join(
        f"{of['successes']} of {of['rollouts']}"
        for of in (result["figures"][backend] for backend in ("mujoco", "libfranka"))
    )
    return counts + (f", in time slowed {slowed:g} times" if slowed else "")


def _faults(result: dict[str, Any]) -> str:
    slowed = result["machine"].get("time_slowed_by")
    text = f"{result['figures']['rows']}; {result['figures']['safe']}"
    return text + (f" (in time slowed {slowed:g} times)" if slowed else "")


def _measured(comparison: str, text: Callable[[dict[str, Any]], str]) -> Callable[..., str]:
    """`text` of a comparison whose peer was installed, else that it was not."""

    def told(result: dict[str, Any]) -> str:
        skipped = set(result["figures"][comparison]) == {"skipped"}
        return "not measured: the peer is not installed" if skipped else text(result)

    return told


ROWS = (
    Row(
        "demo",
        "`lift` through the ROS graph, unseen starts, within 6 s",
        _success,
    ),
    Row("demo", "the same checkpoint in lockstep", lambda r: _success(r["lockstep"])),
    Row("demo", "the same, blind", lambda r: _success(r["blind"])),
    Row(
        "backends",
        "`lift` from the same starts through the graph: the arm simulated, and driven by the real "
        "libfranka client",
        _backends,
    ),
    Row(
        "loop",
        "sim + sync + policy + bridge for 60 s: rate, missed deadlines",
        lambda r: (
            f"{r['figures']['rate_hz']:.2f} Hz, "
            f"{r['figures']['missed_deadline_fraction']:.2%} missed"
        ),
    ),
    Row(
        "loop",
        "image stamp to command, p50 and p95",
        lambda r: (
            f"{r['figures']['latency_p50_ms']:.0f} and {r['figures']['latency_p95_ms']:.0f} ms"
        ),
    ),
    Row(
        "sim",
        "one 20 Hz step of `lift`, two 120x160 RGBD cameras, light and full appearance",
        lambda r: (
            f"{r['figures']['light']['step_ms']:.1f} and {r['figures']['full']['step_ms']:.1f} ms"
        ),
    ),
    Row("image", "640x480 image between processes, our DDS profile, p50", _image),
    Row(
        "dataset",
        "random windows of 8 steps, two cameras: cached, and decoded",
        lambda r: (
            f"{r['figures']['warm_windows_per_s']:.0f} and "
            f"{r['figures']['cold_windows_per_s']:.1f} per s"
        ),
    ),
    Row(
        "scale",
        "2000 episodes: opened in, memory beyond 20's, warm windows per s against 20's",
        lambda r: (
            f"{r['figures']['episodes']['2000']['open_s']:.2f} s, "
            f"{r['figures']['opened_pss_mb_beyond_smallest']:.0f} MB, "
            f"{r['figures']['warm_windows_per_s_largest_over_smallest']:.2f}"
        ),
    ),
    Row(
        "sync",
        "complete sets emitted at 5% loss",
        lambda r: (
            f"{r['figures']['loss_5%']['sets_emitted']} of "
            f"{r['figures']['loss_5%']['sets_possible']}"
        ),
    ),
    Row(
        "peers",
        "windows of 8 steps, ready for a network: times as fast as LeRobot's videos, as "
        "robomimic's HDF5 in memory ([peers](docs/results/peers.md))",
        _measured("loaders", _over_loaders),
    ),
    Row(
        "peers",
        "a control step with two 84x84 images, light and full appearance: times as fast as "
        "robosuite",
        _measured("simulators", _over_robosuite),
    ),
    Row(
        "lerobot",
        "LeRobot's ACT on our export: its loss in the first 10 steps, and in the last",
        lambda r: (
            f"{r['figures']['loss_first_10_steps']:.1f} and "
            f"{r['figures']['loss_last_10_steps']:.2f} (of {r['figures']['steps']})"
        ),
    ),
    Row(
        "descriptors",
        "a training step of descriptors, and the expectation in space, against the formulas as "
        "written",
        lambda r: (
            f"{r['figures']['training_step']['literal_over_ours']:.1f} and "
            f"{r['figures']['expectation_3d']['literal_over_ours']:.1f} times as fast"
        ),
    ),
    Row(
        "dense",
        "optimising a descriptor set with the descriptor cache, against without",
        lambda r: f"{r['figures']['training']['cached_over_uncached']:.1f} times as fast",
    ),
    Row(
        "dense",
        "the dense policy's network, 16 keypoints and head on two 120x160 cameras, p50 and p95",
        lambda r: (
            f"{r['figures']['inference']['2_threads']['p50_ms']:.0f} and "
            f"{r['figures']['inference']['2_threads']['p95_ms']:.0f} ms"
        ),
    ),
    Row(
        "estimator",
        "3-D place of the object that a hand moves, from a rendered video: median error with "
        "masks, with boxes",
        lambda r: " and ".join(
            f"{100 * r['figures'][seen]['median_position_m']:.1f} cm "
            f"({r['figures'][seen]['median_of_extent']:.0%} of its way)"
            for seen in ("masks", "boxes")
        ),
    ),
    Row(
        "phase_setups",
        "states from videos of hands that satisfy their action, phases given and predicted",
        lambda r: (
            " and ".join(
                f"{r['figures'].get(f'satisfied_{setup}', '–')} of {r['figures']['videos']}"
                for setup in ("given", "predicted")
            )
            + ("; its constants were chosen with them" if "in view" in r["limited_by"] else "")
        ),
    ),
    Row(
        "faults",
        "faults of the complete graph: nodes, streams, clocks, disks, commands; of them safe",
        _faults,
    ),
    Row(
        "fuzz",
        "damaged and malicious inputs; of them neither used nor refused with an error of ours",
        lambda r: f"{r['figures']['cases']}; {r['figures']['defects']}",
    ),
    Row("soak", "the complete graph for long: sets per second, worst growth of memory", _soak),
)


def results_table(results: Path) -> str:
    """The table in Markdown from a folder of result files, each with its machine and limit."""
    found = {p.stem: json.loads(p.read_text()) for p in sorted(results.glob("*.json"))}
    rows = [r for r in ROWS if r.file in found]
    if not rows:
        return "No results yet: `make bench` measures them."
    machines = {
        f"{found[r.file]['machine']['cpu']}, {found[r.file]['machine']['cores']} cores"
        for r in rows
    }
    lines = ["| what | measured |", "|---|---|"]
    for row in rows:
        try:
            text = row.text(found[row.file])
        except KeyError as error:
            raise DataError(
                f"{results / row.file}.json has no figure {error}, expected for the row "
                f"{row.what!r}; measure again or mend the row in bench/tables.py"
            ) from None
        lines.append(f"| {row.what} | {text} |")
    lines += [f"| {what} | {text} |" for what, text in study_rows(results)]
    files = ", ".join(f"[{name}](benchmarks/results/{name}.json)" for name in found)
    return "\n".join(
        [
            *lines,
            "",
            f"Measured on {'; '.join(sorted(machines))}, no GPU. Seeds, commits, commands and what "
            f"limits each figure: {files}.",
        ]
    )


def update_readme(readme: Path, results: Path) -> bool:
    """Writes the table between the markers of `readme`; whether the file changed.

    Raises DataError if the markers are not there.
    """
    text = readme.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise DataError(f"{readme}: no results markers; expected the lines {BEGIN} and {END}")
    new = f"{before}{BEGIN}\n{results_table(results)}\n{END}{after}"
    if new != text:
        readme.write_text(new)
    return new != text


def main() -> None:
    """Brings the checkout's README up to date."""
    root = Path(__file__).parents[3]
    changed = update_readme(root / "README.md", root / "benchmarks" / "results")
    print("README.md: results changed" if changed else "README.md: results are up to date")


if __name__ == "__main__":
    main()
