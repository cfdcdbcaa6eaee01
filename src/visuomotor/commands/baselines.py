"""`train bc`, `train pointbc`, `train autoencoder`: what the dense family is compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from visuomotor.commands.training import head_options, run_training
from visuomotor.commands.training_run import ThreadedRun


def train_bc(
    run: ThreadedRun,
    encoder_from: Path | None = None,
    frozen: bool = False,
    truth: Literal["3d", "2d"] | None = None,
    object: tuple[str, ...] = (),
    memory: bool = False,
    absolute: bool = False,
    weak: Path | None = None,
) -> int:
    """Clone behaviour from one camera's images, or from true poses in simulation.

    The image policy learns an encoder, whose features are points in the image, together with the
    head; the bags need one calibrated camera named front, unless the config names another, and no
    depth. Every step of it passes a batch of images through the encoder, which takes far longer
    than a head on keypoints: config/policy_bc_image.yaml is the budget that the study gives it.
    With --truth only a head is trained, on the true poses that bags from simulation carry.

    Args:
        run: The options that all trainings share.
        encoder_from: Folder of an autoencoder, of descriptors or of another such policy whose
            weights the encoder begins with.
        frozen: Leave those weights as they are, and learn the head alone.
        truth: Act on points fixed to --object at its true pose, in space or in the camera's image,
            instead of on images; only a simulation knows it.
        object: Whose true poses those are, such as carton, or cube plate.
        memory: A policy that remembers (LSTM), for demonstrators who act on more than is seen now.
        absolute: The policy knows where on the table the hand is; one that looks at images always
            does.
        weak: Folder of images by label, with and without the object, that its encoder learns to
            tell apart beside the task (docs/methods/gplac.md).
    """
    from visuomotor.errors import ConfigError

    if truth is not None and not object and run.config is None:
        raise ConfigError("train bc: got --truth without --object; name the object to be told of")
    given: dict[str, Any] = {
        "encoder_from": encoder_from,
        "frozen": frozen or None,
        "sight": None if truth is None else f"truth_{truth}",
        "objects": object or None,
        "weak": weak,
        **head_options("bc", run.config, memory, absolute),
    }
    return run_training("bc", run, given)


def train_pointbc(
    run: ThreadedRun,
    absolute: bool = False,
) -> int:
    """Clone behaviour from coloured point clouds in the hand's frame.

    The bags need one or more calibrated cameras with depth (front and side, unless the config names
    others). Some minutes on two cores.

    Args:
        run: The options that all trainings share.
        absolute: The policy knows where on the table the hand is: for goals that cannot be seen.
    """
    return run_training("pointbc", run, {"absolute": absolute or None})


def train_autoencoder(
    run: ThreadedRun,
    masked: bool = False,
) -> int:
    """Train an image encoder by reconstruction, for `train bc --encoder-from`.

    The bags need one camera named front, unless the config names another.

    Args:
        run: The options that all trainings share.
        masked: Only pixels of objects have to be drawn well; this needs depth and calibration.
    """
    return run_training("autoencoder", run, {"masked": masked or None})
