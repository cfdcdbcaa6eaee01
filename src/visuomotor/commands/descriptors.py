"""`descriptors`: how good trained correspondence is, in figures, tables and pictures."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from visuomotor.commands.progress import ProgressLine

RESULTS = Path("benchmarks/results/correspondence_evaluation")
PAGE = Path("docs/results/dense_correspondence.md")


def evaluate(
    descriptors: Path,
    dataset: Path,
    task: str | None = None,
    first: int = 0,
    episodes: int | None = None,
    instants: int = 4,
    points: int = 64,
    seed: int = 0,
    threads: int = 0,
    out: Path | None = None,
    as_json: Annotated[bool, arg(name="json")] = False,
) -> int:
    """Measure correspondence on recorded scenes; give it scenes that were not trained on.

    Args:
        descriptors: Folder of trained descriptors.
        dataset: Folder of the recorded episodes.
        task: Only episodes of this task.
        first: Number of the first episode, as training with --episodes counts them from 0.
        episodes: How many from there on; without it, all.
        instants: How many instants of each episode.
        points: Queries on the objects of each image.
        seed: Of the draw of queries and pairs of scenes.
        threads: Threads of torch; 0: its own choice.
        out: Also write the figures to this JSON file.
        as_json: Print the figures as JSON.
    """
    import torch

    from visuomotor.bench.correspondence.evaluate import (
        LIMITS,
        EvaluationSettings,
        evaluate_correspondence,
    )
    from visuomotor.bench.correspondence.table import tables
    from visuomotor.bench.results import save_result

    if threads > 0:
        torch.set_num_threads(threads)
    settings = EvaluationSettings(task, first, episodes, instants, points, seed)
    with ProgressLine("scenes", 0, every_s=5.0) as line:
        figures, seeds = evaluate_correspondence(
            descriptors, dataset, settings, lambda done, total: line.to(done, total=total)
        )
    if out is not None:
        save_result(out, figures, LIMITS, shlex.join(["visuomotor", *sys.argv[1:]]), seeds)
    if as_json:
        print(json.dumps(figures, indent=1))
        return 0
    print(tables(figures))
    if out is not None:
        print(f"\nwritten: {out}")
    return 0


def table(results: Path = RESULTS, out: Path = PAGE) -> int:
    """Write the page of correspondence results from their JSON files.

    Args:
        results: Folder of what `descriptors evaluate --out` wrote.
        out: The page, in Markdown.
    """
    from visuomotor.bench.correspondence.table import page
    from visuomotor.errors import DataError

    found = sorted(results.glob("*.json"))
    if not found:
        raise DataError(
            f"{results}: no result; write some with `visuomotor descriptors evaluate ... --out "
            f"{results}/NAME.json`"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page(found))
    print(f"written: {out}")
    return 0
