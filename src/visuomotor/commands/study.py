"""`study`: trains and evaluates methods side by side, and tabulates what was found."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from visuomotor.errors import ConfigError

RESULTS = Path("benchmarks/results/study")


def run(
    family: Positional[str],
    task: tuple[str, ...] = (),
    method: tuple[str, ...] = (),
    task_variant: tuple[str, ...] = ("plain",),
    source: tuple[str, ...] = (),
    demonstrations: tuple[int | Path, ...] = (),
    seed: tuple[int, ...] = (0,),
    region: tuple[str, ...] = (),
    rollouts: int = 0,
    starts: tuple[str, ...] = (),
    development: bool = False,
    plan: Path | None = None,
    workers: int = 1,
    engine: Literal["processes", "ray"] = "processes",
    address: str | None = None,
    work: Path = Path("study"),
    results: Path = RESULTS,
    device: str = "auto",
) -> int:
    """Fill the cells of a study that are missing; run again to go on.

    Args:
        family: Whose study, such as dense.
        task: Which tasks; without any, all of the study's.
        method: Which methods; without any, all of the study's.
        task_variant: Of objects and surroundings: plain, class_general, visual_challenge.
        source: Who demonstrates; without any, the study's first.
        demonstrations: How many; without any, the study's default. For real2sim the folder that
            holds them, as <action>/<name>.npz.
        seed: Training seeds.
        region: interpolation, extrapolation, unseen; in tasks with starts and goals also starts,
            pairs, held and moved, or one such as 'a>d'; for real2sim hard and easy; without any,
            those that the method is for.
        rollouts: Per cell and region; 0: the study's default.
        starts: For real2sim, files of your own start states, each as BENCHMARK=FILE.csv.
        development: Starts that are for tuning, not for tables; keep their results elsewhere.
        plan: YAML file of blocks to fill in their order, instead of the choices above.
        workers: Processes that share the cells, and the rollouts where cells are fewer.
        engine: Who works at the cells: processes of this command, or ray, which can be several
            machines (docs/scale.md).
        address: Of a Ray cluster that runs already, auto for this machine's; without it, ray
            starts one of so many workers on this machine.
        work: Folder of demonstrations and checkpoints.
        results: Folder of the cells' JSON files.
        device: That trainings compute on: auto (a GPU where torch finds one), cpu, cuda or cuda:N;
            real2sim learns on the CPU always. A cell that is half trained goes on on either.
    """
    from visuomotor.bench.study.plan import study_of
    from visuomotor.bench.study.request import Block, Request, read_plan
    from visuomotor.bench.study.run import fill
    from visuomotor.commands.training import stop_on_interrupt
    from visuomotor.errors import Interrupted

    if development and results.resolve() == RESULTS.resolve():
        raise ConfigError(
            f"--development: got the tables' folder {results}, expected another --results; "
            "rollouts from development starts must not get into tables"
        )
    if workers < 1:
        raise ConfigError(f"got --workers {workers}, expected 1 or more")
    if address is not None and engine != "ray":
        raise ConfigError(f"--address: got {address} with --engine {engine}, expected --engine ray")
    if engine != "ray":  # whose workers may be on other machines
        from visuomotor.training.device import find_device

        find_device(device)
    study = study_of(family)
    numbers = tuple(n for n in demonstrations if isinstance(n, int))
    folders = [f for f in demonstrations if isinstance(f, Path)]
    if bool(folders) != bool(study.filling) or len(folders) > 1 or (folders and numbers):
        raise ConfigError(
            f"--demonstrations: got {' '.join(map(str, demonstrations)) or 'none'}, expected "
            + ("one folder with <action>/<name>.npz" if study.filling else "numbers of them")
        )
    if folders and not folders[0].is_dir():
        raise ConfigError(f"--demonstrations: got {folders[0]}, expected a folder that is there")
    chosen = Block(task, method, task_variant, source, numbers, seed, region, rollouts)
    if plan is not None and chosen != Block():
        raise ConfigError(f"--plan {plan}: got choices of cells beside it, expected them in it")
    first_seeds = study.development_seeds if development else {}
    request = Request(
        family,
        (chosen,) if plan is None else read_plan(plan),
        tuple(first_seeds.items()),
        work,
        results,
        folders[0] if folders else None,
        _files(starts),
        device,
    )
    cluster = None
    if engine == "ray":
        from visuomotor.bench.study.on_ray import ray_engine

        cluster = ray_engine(workers, address)

    def say(text: str) -> None:
        print(text, flush=True)

    try:
        with stop_on_interrupt() as should_stop:
            missing = fill(request, workers, say, should_stop, cluster)
    except Interrupted as end:
        print(end)
        return 130
    if missing:
        print(f"{missing} cells are missing; run the command again to go on", file=sys.stderr)
    return min(missing, 1)


def table(
    family: Positional[str],
    results: Path = RESULTS,
    out: Path = Path("docs/results"),
    as_json: Annotated[bool, arg(name="json")] = False,
) -> int:
    """Write a study's tables and pictures, and print the tables.

    Args:
        family: Whose study, such as dense.
        results: Folder of the cells' JSON files.
        out: Folder that <family>.md and its pictures are written to.
        as_json: Print the rows as JSON instead, and write nothing.
    """
    from visuomotor.bench.study.cell import load_all
    from visuomotor.bench.study.evaluations import evaluations
    from visuomotor.bench.study.plan import study_of
    from visuomotor.bench.study.report import make_report
    from visuomotor.bench.study.table import rows

    study = study_of(family)
    found = load_all(results, family)
    if as_json:
        table = rows(found, study.row_fields, study.clusters)
        print(json.dumps([r.plain(study.row_names) for r in table], indent=1))
        return 0
    if not found:
        print(f"no cell of {family} in {results} yet: visuomotor study run {family}")
        return 0
    command = ["visuomotor", "study", "table", family]
    command += [] if results == RESULTS else ["--results", str(results)]
    listed = evaluations(results, family)
    report = make_report(study, found, shlex.join(command), listed)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{family}.md").write_text(report.text)
    for name, picture in report.pictures.items():
        (out / name).write_text(picture)
    print(report.text)
    print(f"written: {', '.join(str(out / n) for n in (f'{family}.md', *report.pictures))}")
    return 0


def _files(starts: tuple[str, ...]) -> tuple[tuple[str, Path], ...]:
    """Benchmark and file of each --starts; ConfigError for one that is neither."""
    pairs = [text.partition("=") for text in starts]
    wrong = [
        text for text, (name, _, file) in zip(starts, pairs, strict=True) if not name or not file
    ]
    if wrong:
        raise ConfigError(
            f"--starts: got {wrong[0]}, expected BENCHMARK=FILE.csv, such as hard=my.csv"
        )
    return tuple((name, Path(file)) for name, _, file in pairs)
