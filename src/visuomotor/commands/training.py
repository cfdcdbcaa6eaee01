"""`train`: descriptors and policies from a dataset's bags, without a ROS graph."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal

from visuomotor.commands.progress import ProgressLine
from visuomotor.commands.training_run import Run, TrainingRun

if TYPE_CHECKING:
    from visuomotor.training import Progress


def train_descriptors(run: Run) -> int:
    """Train dense descriptors from bags; run again to go on where it was stopped."""
    return run_training("descriptors", run, {})


def train_policy(
    run: Run,
    family: str = "dense",
    descriptors: Path | None = None,
) -> int:
    """Train a policy of any family from bags; run again to go on where it was stopped.

    `train dense`, `train han`, `train gplac`, `train gti`, `train goal`, `train bc` and
    `train pointbc` offer each family's own choices.

    Args:
        run: The options that all trainings share.
        family: Which family of policy: `dense`, `han`, `gplac`, `gti`, `goal`, `bc` or `pointbc`.
        descriptors: Folder of trained descriptors, for families that build on them.
    """
    return run_training(family, run, {"descriptors": descriptors})


def train_han(
    run: Run,
    cameras: tuple[str, ...] = (),
    rotation: bool = False,
    chunk: int | None = None,
    weak: Path | None = None,
) -> int:
    """Teach a policy to look at one place at a time, and to move relative to it.

    It finds a point in space in every region of the images, chooses which to follow now, and moves
    the hand towards a place at most 10 cm beside it: so it goes where it was never shown to go.
    Nothing is labelled, and no descriptors are needed. With the defaults half an hour on two
    cores; progress and the time left are shown. Ctrl-C saves; the same command goes on.

    What the bags must have: one camera or more with depth, calibrated to the robot's base, and the
    accepted targets; `recorder` writes all of these. Episodes that are marked as failed are left
    out. More in docs/methods/han.md.

    Args:
        run: The options that all trainings share.
        cameras: Which cameras compete for its attention; without any as in the config, else front.
        rotation: It also turns the hand; without it the hand keeps its orientation.
        chunk: How many steps' actions it gives at once; without it as in the config, else 1.
        weak: Folder of images by label, with and without the object, that its attention learns to
            tell apart beside the task (docs/methods/gplac.md).
    """
    from visuomotor.observations import CameraSpec

    given: dict[str, Any] = {
        "cameras": tuple(CameraSpec(name) for name in cameras) or None,
        "rotation": rotation or None,
        "chunk": chunk,
        "weak": weak,
    }
    return run_training("han", run, given)


def train_dense(
    run: Run,
    descriptors: Path | None = None,
    space: Literal["3d", "2d"] | None = None,
    descriptor_set: Literal["fixed", "optimised", "end_to_end"] | None = None,
    memory: bool = False,
    absolute: bool = False,
    descriptors_config: Path | None = None,
) -> int:
    """Teach a policy to act on points that it recognises on the objects.

    First a network learns to recognise surface points from any side (descriptors), from the
    demonstrations' images alone: nothing is labelled. Then a small network learns to act on where
    16 of these points are. With the defaults and thirty short demonstrations this is a matter of
    minutes on two cores; progress and the time left are shown. Ctrl-C saves; the same command goes
    on. The policy is written to OUT, the descriptors to OUT/descriptors, where a second policy can
    find them (--descriptors).

    What the bags must have: two or more cameras with depth that see the same objects from
    different sides, calibrated to the robot's base to some millimetres (camera_info and
    extrinsics), the hand's pose, and the accepted targets; `recorder` writes all of these. The
    defaults expect cameras named front and side, a table at z = 0 and objects within x 0.25 to 0.8
    and y -0.4 to 0.4 m: if yours differ, say so in --descriptors-config
    (config/descriptors_dense.yaml shows how). Episodes that are marked as failed are left out.
    More in docs/methods/dense.md.

    Args:
        run: The options that all trainings share.
        descriptors: Folder of descriptors that are trained already; without it they are trained.
        space: 3d: points in space, by all cameras and their depth; 2d: places in the first
            camera's image, by its colour alone. Without it as in the config, else 3d.
        descriptor_set: Which points are followed. fixed: spread over the objects in one view;
            optimised: chosen while a policy learns; end_to_end: the descriptor network is learned
            on, too, which takes much longer. Without it as in the config, else fixed.
        memory: A policy that remembers (LSTM), for demonstrators who act on more than is seen now.
        absolute: The policy knows where on the table the hand is: for goals that cannot be seen.
        descriptors_config: YAML file of the descriptors' training; without it the defaults.
    """
    if descriptors is None:
        descriptors = run.out / "descriptors"
        if (descriptors / "config.yaml").exists():
            _check_descriptors(descriptors, run, descriptors_config)
            print(f"descriptors: {descriptors}, trained before (remove it to train them anew)")
        else:
            first = replace(run, out=descriptors, config=descriptors_config)
            code = run_training("descriptors", first, {})
            if code:
                return code
    elif descriptors_config is not None:
        from visuomotor.errors import ConfigError

        raise ConfigError(
            f"train dense: got --descriptors {descriptors}, which are trained already, and "
            "--descriptors-config; leave one out"
        )
    given = {"descriptors": descriptors, "space": space, "descriptor_set": descriptor_set}
    head = head_options("dense", run.config, memory, absolute)
    return run_training("dense", run, {**given, **head})


def _check_descriptors(folder: Path, run: TrainingRun, config_file: Path | None) -> None:
    """ConfigError if the descriptors in the folder are of another training than this would be."""
    from visuomotor.errors import ConfigError
    from visuomotor.training import read_config
    from visuomotor.training.origin import differences

    given = {name: value for name, value in run.overrides.items() if value is not None}
    config = replace(read_config("descriptors", config_file), **given)
    found = differences(folder, run.dataset, config, whole=config_file is not None)
    if found:
        raise ConfigError(
            f"{folder}: got descriptors that were trained with {'; '.join(found)}, expected those "
            f"of this training; give another --out, or --descriptors {folder} to use them as they "
            "are, or remove that folder to train them anew"
        )


def head_options(family: str, config: Path | None, memory: bool, absolute: bool) -> dict[str, Any]:
    """The configuration's head with these changes, as an override; nothing for no change."""
    if not memory and not absolute:
        return {}
    from visuomotor.training import read_config

    head = read_config(family, config).head
    if memory and head.kind != "lstm":
        head = replace(head, kind="lstm", hidden=(100, 100))
    return {"head": replace(head, absolute=absolute or head.absolute)}


def run_training(family: str, run: TrainingRun, options: dict[str, Any]) -> int:
    """One training with its progress shown; options that are None are left out. 130: stopped.

    Under torchrun it is one of several processes, of which the first shows and writes.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ:  # else it warns that all parameters are in use
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    import torch

    from visuomotor import ranks
    from visuomotor.errors import Interrupted
    from visuomotor.training import train
    from visuomotor.training.device import find_device

    if run.threads > 0:
        torch.set_num_threads(run.threads)
    every = {**run.overrides, **options}
    given = {k: str(v) if isinstance(v, Path) else v for k, v in every.items() if v is not None}
    ranks.join()
    device = find_device(run.device)
    if device.type != "cpu" and ranks.first():
        print(f"device: {device}", flush=True)
    with (
        stop_on_interrupt(ranks.launched()) as should_stop,
        ProgressLine(family, 0, every_s=5.0, quiet=not ranks.first()) as line,
    ):

        def show(progress: Progress) -> None:
            values = {k: f"{v:.4g}" for k, v in progress.metrics.items()}
            if progress.eta_s is not None:
                values["left"] = f"{progress.eta_s:.0f} s"
            line.name = progress.stage
            text = ", ".join(f"{k} {v}" for k, v in values.items())
            line.to(progress.step, text, progress.total)

        try:
            train(family, run.config, run.dataset, run.out, show, should_stop, run.device, **given)
        except Interrupted as end:
            if ranks.first():
                print(end, flush=True)
            return 130
        if ranks.first():
            print(f"checkpoint: {run.out}", flush=True)
    return 0


@contextlib.contextmanager
def stop_on_interrupt(launched: bool = False) -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C makes the yielded function true, so that state is saved; the second ends.

    launched: by torchrun, which passes on signals, SIGTERM too, and kills who has not ended within
    30 s; all of them then only stop.
    """
    stop = threading.Event()
    before: dict[int, Any] = {}

    def handle(number: int, frame: FrameType | None) -> None:
        if not launched:
            signal.signal(number, before[number])
        stop.set()

    for caught in (signal.SIGINT, signal.SIGTERM) if launched else (signal.SIGINT,):
        before[caught] = signal.signal(caught, handle)
    try:
        yield stop.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
