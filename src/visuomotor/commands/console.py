"""`console`: the operator's page, for a graph that is up."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path


def console(
    dataset: Path = Path("dataset"),
    cameras: tuple[str, ...] = ("front", "side", "wrist"),
    raw: bool = False,
    port: int = 8010,
    host: str = "127.0.0.1",
    token: str = "",
) -> int:
    """Serve the operator's page: cameras, scene, state, episodes and their buttons, in a browser.

    Args:
        dataset: Folder of the episodes that are listed; where the recorder writes.
        cameras: The cameras' names.
        raw: Show the drivers' streams instead of rgbd_sync's.
        port: Of the page; 0: any that is free.
        host: Address to serve at; anything but this machine's own lets others with the token in.
        token: What others need to be let in; empty: one is made and printed.
    """
    from visuomotor.ros.discovery import local_environment

    os.environ.update(local_environment(os.environ))

    from visuomotor.nodes.console import Console
    from visuomotor.ros.run import run_node

    values = {
        "dataset": str(dataset),
        "cameras": list(cameras),
        "source": "raw" if raw else "synced",
        "port": port,
        "host": host,
        "token": token,
    }
    words = (("-p", f"{name}:={json.dumps(value)}") for name, value in values.items())
    run_node(Console, ["--ros-args", *itertools.chain(*words)])
    return 0
