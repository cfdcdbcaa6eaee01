"""`feature-points`: where policies have their feature points, drawn and counted."""

from __future__ import annotations

from pathlib import Path

from tyro.conf import Positional

from visuomotor.errors import ConfigError


def feature_points(
    checkpoints: Positional[tuple[Path, ...]],
    task: str = "pusher",
    variant: str = "test_environments",
    images: int = 200,
    first_seed: int = 840_000,
    out: Path = Path("feature_points"),
) -> int:
    """Draw the feature points of policies side by side, in surroundings that they never saw.

    Writes OUT/<task>.png, a row per policy, and OUT/<task>.json with the share of their points that
    lie on the task's object.

    Args:
        checkpoints: Folders of gplac policies, a row each.
        task: Which task, see docs/tasks.md.
        variant: In which surroundings.
        images: How many starts are counted; the first six are drawn.
        first_seed: Seed of the first start; each has the next.
        out: Folder of the picture and the figures.
    """
    if images < 1 or not checkpoints:
        raise ConfigError(
            f"got {len(checkpoints)} checkpoints, --images {images}; expected one or more of each"
        )
    import cv2

    from visuomotor.bench.feature_points import find_points, picture, summary
    from visuomotor.bench.results import save_result
    from visuomotor.checkpoint import load_checkpoint
    from visuomotor.config import from_mapping
    from visuomotor.sim import SimConfig

    cameras = tuple(sorted({n for c in checkpoints for n in load_checkpoint(c).spec.names}))
    values = {"task": task, "variant": variant, "cameras": cameras}
    sim = from_mapping(SimConfig, values, "visuomotor feature-points")
    found = find_points(checkpoints, sim, range(first_seed, first_seed + images))
    figures = {str(c): summary(row) for c, row in zip(checkpoints, found, strict=True)}
    named = " ".join(map(str, checkpoints))
    save_result(
        out / f"{task}.json",
        figures,
        "the first image of every start, and the object's middle for the whole object",
        f"visuomotor feature-points {named} --task {task} --variant {variant} --images {images} "
        f"--first-seed {first_seed}",
        seeds=(first_seed,),
    )
    cv2.imwrite(str(out / f"{task}.png"), picture(found)[..., ::-1])
    for name, row in figures.items():
        print(f"{name}: {row['share_on_object']:.1%} of its points on the object")
    print(f"{out / task}.png, .json")
    return 0
