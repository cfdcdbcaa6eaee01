"""`visuomotor ...`: every command of the package, on one line each; `--help` tells the rest."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import tyro
from tyro.conf import Positional
from tyro.extras import SubcommandApp

from visuomotor import __version__
from visuomotor.commands import (
    attention,
    baselines,
    benchmarks,
    calibration,
    console,
    descriptors,
    episodes,
    evaluation,
    feature_points,
    generation,
    gplac,
    gti,
    interchange,
    modes,
    services,
    simulation,
    skill,
    skill_page,
    slow,
    study,
    training,
    video,
    video_parse,
    video_show,
    weak,
    weak_rendering,
)
from visuomotor.commands.dependencies import explain_missing
from visuomotor.errors import VisuomotorError

DESCRIPTION = "Teaches a Franka arm from few demonstrations, in ROS 2."


def up(
    file: Positional[Path],
    arguments: Positional[tuple[str, ...]] = (),
) -> int:
    """Run a launch file, with or without a ROS distribution; Ctrl-C ends it.

    Args:
        file: The launch file (XML), such as launch/sim.launch.xml, or one of ours by name (sim).
        arguments: Its arguments, each as name:=value.
    """
    from visuomotor.ros.launch import up as run

    return run(file, arguments)


def doctor(out: Path = Path(), calibration: Path = Path("calibration.yaml")) -> int:
    """Say what is missing on this machine and how to get it.

    Args:
        out: Folder where data will be recorded; its disk is measured.
        calibration: The calibration file; its age and errors are shown.
    """
    from visuomotor.bench.doctor import diagnose, print_report

    return print_report(diagnose(out, calibration))


def application(kind: type[SubcommandApp] = SubcommandApp) -> SubcommandApp:
    """All commands, collected by `kind`: another than tyro's own may list them without running."""
    app = kind()
    app.command(up)
    app.command(services.call)
    app.command(console.console)
    app.command(simulation.demo)
    app.command(simulation.demos)
    catalogue = kind()
    catalogue.command(name="list")(episodes.list_episodes)
    catalogue.command(episodes.info)
    catalogue.command(episodes.play)
    catalogue.command(episodes.trim)
    catalogue.command(episodes.label)
    catalogue.command(episodes.discard)
    catalogue.command(episodes.restore)
    catalogue.command(episodes.repair)
    catalogue.command(name="export-video")(episodes.export_video)
    app.command(catalogue, name="episodes", help="Look at, relabel, trim, repair, play episodes.")
    exporting = kind()
    exporting.command(name="lerobot")(interchange.export_lerobot)
    app.command(exporting, name="export", help="Write recorded episodes for other libraries.")
    importing = kind()
    importing.command(name="lerobot")(interchange.import_lerobot)
    importing.command(name="robomimic")(interchange.import_robomimic)
    app.command(importing, name="import", help="Take over others' episodes as bags.")
    calibrating = kind()
    calibrating.command(calibration.board)
    calibrating.command(calibration.extrinsics)
    calibrating.command(calibration.latency)
    calibrating.command(calibration.rehearse)
    app.command(calibrating, name="calibrate", help="Measure where cameras are and how late.")
    learning = kind()
    learning.command(name="descriptors")(training.train_descriptors)
    learning.command(name="dense")(training.train_dense)
    learning.command(name="han")(training.train_han)
    learning.command(name="gplac")(gplac.train_gplac)
    learning.command(name="gti")(gti.train_gti)
    learning.command(name="goal")(gti.train_goal)
    learning.command(name="skill")(skill.train_skill)
    learning.command(name="bc")(baselines.train_bc)
    learning.command(name="pointbc")(baselines.train_pointbc)
    learning.command(name="autoencoder")(baselines.train_autoencoder)
    learning.command(name="policy")(training.train_policy)
    app.command(learning, name="train", help="Train descriptors or a policy from recorded bags.")
    correspondence = kind()
    correspondence.command(descriptors.evaluate)
    correspondence.command(descriptors.table)
    correspondence.command(descriptors.view)
    app.command(correspondence, name="descriptors", help="Judge and look at trained descriptors.")
    skills = kind()
    skills.command(name="eval")(skill.evaluate)
    skills.command(skill.starts)
    skills.command(skill.example)
    skills.command(skill_page.page)
    skills.command(skill.replay)
    skills.command(skill.arm)
    app.command(skills, name="skill", help="Judge skills learned from videos, and do them.")
    app.command(generation.generate)
    app.command(generation.goal)
    app.command(name="eval")(evaluation.evaluate)
    app.command(attention.attention)
    app.command(feature_points.feature_points)
    app.command(modes.modes)
    app.command(benchmarks.bench)
    comparing = kind()
    comparing.command(name="run")(study.run)
    comparing.command(name="table")(study.table)
    app.command(comparing, name="study", help="Compare methods: train, evaluate and tabulate.")
    labelling = kind()
    labelling.command(weak.label)
    labelling.command(weak.capture)
    labelling.command(weak.check)
    labelling.command(weak_rendering.render)
    app.command(labelling, name="weak", help="Collect pictures with and without an object.")
    watching = kind()
    watching.command(name="parse")(video_parse.parse)
    watching.command(video.estimate)
    watching.command(video_show.show)
    watching.command(video_show.replay)
    watching.command(video.phases)
    watching.command(video.example)
    app.command(watching, name="video", help="Learn from videos of a person's hand.")
    app.command(slow.slow)
    app.command(doctor)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code: 2 after an error, 130 after Ctrl-C."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words in (["--version"], ["-V"]):
        print(f"visuomotor {__version__}")
        return 0
    if words[:1] == ["slow"] and words[1:2] != ["--help"]:
        words.insert(2, "--")  # what follows the factor are another command's options
    try:
        with explain_missing():
            code = application().cli(
                prog="visuomotor",
                description=DESCRIPTION,
                args=words,
                config=(tyro.conf.FlagCreatePairsOff,),
            )
        sys.stdout.flush()
        return int(code or 0)
    except VisuomotorError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader (`| head`) went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
