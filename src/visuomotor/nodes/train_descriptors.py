"""Trains dense descriptors from bags, with progress on the graph; ends when it is done."""

from __future__ import annotations

from dataclasses import dataclass

from rclpy.node import Node

from visuomotor.errors import ConfigError
from visuomotor.ros.parameters import declare
from visuomotor.ros.run import run_node
from visuomotor.ros.training import TrainingThread


@dataclass(frozen=True)
class Config:
    """What is trained: a YAML file ("": defaults), a dataset folder, where to.

    threads: of torch; 0: its own choice, many times slower for small
    networks on a busy machine. device: what it computes on: auto (a GPU where torch finds one),
    cpu, cuda or cuda:N.
    """

    config: str = ""
    dataset: str = ""
    out: str = ""
    threads: int = 1
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.threads < 0:
            raise ValueError(f"got threads {self.threads}, expected 0 or more")


class TrainDescriptors(Node):
    """Runs `visuomotor.training.train` for descriptors in a worker thread."""

    def __init__(self) -> None:
        super().__init__("train_descriptors")
        config = declare(self, Config)
        if not config.dataset or not config.out:
            raise ConfigError("train_descriptors: set the parameters `dataset` and `out`")
        self._thread = TrainingThread(self, lambda report, stop: _train(config, report, stop))

    def close(self) -> None:
        """Stops the training; its state is saved, running it again goes on."""
        self._thread.stop()


def _train(config: Config, report: object, should_stop: object) -> None:
    import torch

    from visuomotor.training import train

    if config.threads:
        torch.set_num_threads(config.threads)
    train(
        "descriptors",
        config.config or None,
        config.dataset,
        config.out,
        report,  # type: ignore[arg-type]
        should_stop,  # type: ignore[arg-type]
        config.device,
    )


def main() -> None:
    """Runs the node."""
    run_node(TrainDescriptors)


if __name__ == "__main__":
    main()
