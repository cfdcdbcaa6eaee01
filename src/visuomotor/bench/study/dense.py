"""The study of the dense family: Florence, Manuelli and Tedrake 2019, tables I and II."""

from __future__ import annotations

from visuomotor.bench.study.plan import Job, Method, Study
from visuomotor.bench.study.work import locked
from visuomotor.training import train


def _dd3d(job: Job) -> None:
    """Descriptors and policy from the same demonstrations, both with the cell's seed."""
    cell = job.cell
    descriptors = job.shared / f"descriptors-seed{cell.seed}"
    common = {"task": cell.task, "episodes": cell.demonstrations, "seed": cell.seed}
    with locked(descriptors.with_suffix(".lock")):
        if not (descriptors / "config.yaml").exists():
            train(
                "descriptors", None, job.dataset, descriptors, job.report, job.should_stop, **common
            )
    train(
        "dense",
        None,
        job.dataset,
        job.out,
        job.report,
        job.should_stop,
        descriptors=str(descriptors),
        **common,
    )


STUDY = Study(
    family="dense",
    methods={"dd3d": Method("16 fixed descriptors as keypoints in 3-D, MLP", _dd3d)},
    tasks=("reach_t", "reach_tr", "push_box", "push_plate"),
    source_regions={"expert": "gaussian"},
    demonstrations=(50,),
)
