"""`descriptors`: how good trained correspondence is, in figures, tables and pictures."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import arg

from visuomotor.commands.progress import ProgressLine

if TYPE_CHECKING:
    from visuomotor.console.gallery import Gallery

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


def view(
    descriptors: Path,
    dataset: Path | None = None,
    task: str | None = None,
    first: int = 0,
    topics: bool = False,
    port: int = 8008,
    host: str = "127.0.0.1",
    picture: Path | None = None,
    camera: str | None = None,
    pixels: tuple[tuple[int, int], ...] = (),
    points: int = 4,
    spread: float = 2.0,
    threads: int = 1,
) -> int:
    """Look for a pixel of one picture in others, in a browser; or write a figure of it.

    Args:
        descriptors: Folder of trained descriptors.
        dataset: Folder of recorded episodes to look at.
        task: Only episodes of this task.
        first: Number of the episode that is shown first; others are drawn from there on.
        topics: Also look into the running graph's cameras, synced/CAMERA/color and so on.
        port: Of the page; 0: any that is free.
        host: Address to serve at; anything but this machine's own shows the page to others.
        picture: Write a figure to this PNG file instead: points, and where they are found.
        camera: Whose picture the figure's points are in; without it, the first camera's.
        pixels: The figure's points as U V; without any, some are spread over the objects.
        points: How many that are.
        spread: Of the figure's heat; 1 shows the likeness that keypoints are found by.
        threads: Threads of torch; 0: its own choice.
    """
    import torch

    from visuomotor.console.gallery import Gallery
    from visuomotor.descriptors.model import load_descriptors
    from visuomotor.errors import ConfigError

    if threads > 0:
        torch.set_num_threads(threads)
    if dataset is None and (picture is not None or not topics):
        raise ConfigError(
            "descriptors view: give a --dataset to look at"
            + ("" if picture is not None else ", --topics to look at running cameras, or both")
        )
    gallery = Gallery(load_descriptors(descriptors), dataset, task)
    if dataset is not None:
        gallery.episode(first)
    if picture is not None:
        from visuomotor.console.figure import write_figure

        write_figure(picture, gallery, first, camera, pixels, points, spread)
        print(f"written: {picture}")
        return 0
    title = f"{descriptors.resolve().name} on {dataset.resolve().name if dataset else 'live'}"
    return _serve(gallery, title, first, topics, port, host)


def _serve(gallery: Gallery, title: str, first: int, topics: bool, port: int, host: str) -> int:
    import contextlib

    from visuomotor.console.descriptor_view import DescriptorView
    from visuomotor.console.server import PageServer

    with contextlib.ExitStack() as stack:
        server = PageServer(DescriptorView(gallery, title, first, topics).routes, port, host)
        stack.callback(server.close)
        if topics:
            from visuomotor.console.live import LiveSets

            stack.callback(LiveSets(gallery.model.spec, gallery.add_live).close)
        print(f"look at {server.url} (Ctrl-C ends)", flush=True)
        server.serve()
    return 0


def table(results: Path = RESULTS, out: Path = PAGE) -> int:
    """Write the page of correspondence results from their JSON files.

    It shows the figure of the same name, such as dense_correspondence.png, if there is one.

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
    picture = out.with_suffix(".png")
    out.write_text(page(found, picture.name if picture.is_file() else None))
    print(f"written: {out}")
    return 0
