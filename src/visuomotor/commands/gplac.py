"""`train gplac`: a policy that weakly labelled images make robust to looks, and its baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from visuomotor.commands.training import run_training
from visuomotor.commands.training_run import Run


def train_gplac(
    run: Run,
    weak: Path | None = None,
    labels: tuple[str, str] | None = None,
    use: Literal["joint", "finetune", "frozen", "autoencoder", "reversal", "joint_reversal"]
    | None = None,
    plain: bool = False,
    augment: bool = False,
    push_start: bool = False,
    first_layer: Path | None = None,
) -> int:
    """Teach a policy to act on one colour camera, and to find the object wherever it is shown.

    Beside the demonstrations, which may all be of one table, it learns to tell pictures with the
    object from pictures without it. Its network keeps nothing of an image but 16 places in it, so
    that it can tell the pictures apart only by looking at the object; on another table it still
    does. The pictures are taken anywhere, need no robot in them, and nothing is marked in them:
    with --weak DIR those in DIR/with and DIR/without, of any size. Without --weak it learns the
    task alone. Progress and the time left are shown. Ctrl-C saves; the same command goes on.

    What the bags must have: one camera named front, unless the config names another, with its
    camera_info and extrinsics but no depth; the hand's pose, and the accepted targets. More in
    docs/methods/gplac.md.

    Args:
        run: The options that all trainings share.
        weak: Folder of the pictures, one sub-folder per label.
        labels: Names of the sub-folders, first that of the pictures with the object; without it
            with and without, or the only two there are.
        use: What is learned of the pictures. joint: their labels, beside the task; finetune: their
            labels first, then the task; frozen: their labels first, then the task on the features
            as they are; autoencoder: to draw them; reversal: features that do not tell them from
            the demonstrations; joint_reversal: joint and reversal. Without it as in the config,
            else joint.
        plain: A network without attention, for comparison.
        augment: Change all images at random: colours, random layers, rectangles cut out, shifts.
        push_start: It gives the place where a straight push begins, from an episode's first image,
            and pushes as the demonstrations did.
        first_layer: File of VGG-16's weights, for the first layer to begin with; else random.
    """
    given: dict[str, Any] = {
        "weak": weak,
        "weak_labels": labels,
        "use": use,
        "network": "plain" if plain else None,
        "target": "push_start" if push_start else None,
        "first_layer": first_layer,
    }
    if augment:
        from visuomotor.training.image_augmentation import STRONG

        given["augmentation"] = STRONG
    return run_training("gplac", run, given)
