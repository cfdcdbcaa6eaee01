"""How long an image takes from a publisher to a callback in another process.

Fast DDS as it comes and with config/fastdds.xml, in one run and interleaved, so that whatever
else the machine does strikes both. Reliable, because best effort under Fast DDS's own settings
loses most 1280x720 images here when both cores are busy.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from visuomotor.bench.results import save_result
from visuomotor.errors import VisuomotorError
from visuomotor.ros.launch import share_folder

SIZES = ((640, 480), (1280, 720))
PROFILES = ("default", "ours")
ROUNDS = 3
IMAGES = 100
RATE_HZ = 20.0
TIMEOUT_S = 60.0
PROFILE_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")


def run(out: Path) -> dict[str, Any]:
    """Measures both profiles at both sizes; returns and writes `image.json`."""
    samples: dict[tuple[str, tuple[int, int]], list[float]] = {}
    for _ in range(ROUNDS):
        for size in SIZES:
            for profile in PROFILES:
                samples.setdefault((profile, size), []).extend(_measure(profile, *size))
    figures: dict[str, Any] = {"rate_hz": RATE_HZ, "images": ROUNDS * IMAGES}
    for width, height in SIZES:
        cell = {p: _summary(samples[p, (width, height)]) for p in PROFILES}
        ratio = cell["ours"]["p50_ms"] / cell["default"]["p50_ms"]
        figures[f"{width}x{height}_rgb8"] = {**cell, "ours_over_default": round(ratio, 3)}
    return save_result(
        out / "image.json",
        figures,
        "default: an image larger than the 512 kB shared-memory segment goes through UDP in pieces "
        "of 64 kB; ours: the copies of the image (array, serialised, segment, deserialised) and "
        "the wake-up of the subscriber's executor",
        "visuomotor bench image",
    )


def _summary(latencies_ms: list[float]) -> dict[str, float]:
    p50, p95 = np.percentile(latencies_ms, [50, 95])
    return {"p50_ms": round(float(p50), 3), "p95_ms": round(float(p95), 3)}


def _measure(profile: str, width: int, height: int) -> list[float]:
    """Latencies in ms of IMAGES images between two new processes."""
    environment = {k: v for k, v in os.environ.items() if k not in PROFILE_VARIABLES}
    environment.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    if profile == "ours":
        path = str(share_folder() / "config" / "fastdds.xml")
        environment.update(dict.fromkeys(PROFILE_VARIABLES[: _variables()], path))
    command = [sys.executable, "-m", __name__]
    subscriber = subprocess.Popen(
        [*command, "subscribe"], env=environment, stdout=subprocess.PIPE, text=True
    )
    publisher = subprocess.Popen([*command, "publish", str(width), str(height)], env=environment)
    try:
        received, _ = subscriber.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise VisuomotorError(
            f"image benchmark: no {IMAGES} images of {width}x{height} within {TIMEOUT_S:g} s with "
            f"the {profile} profile; does the firewall let DDS through on this machine?"
        ) from None
    finally:
        for process in (subscriber, publisher):
            process.kill()
            process.wait()
    latencies: list[float] = json.loads(received.splitlines()[-1])
    return latencies


def _variables() -> int:
    """How many of PROFILE_VARIABLES this ROS may see without a warning."""
    return 2 if os.environ.get("ROS_DISTRO") in ("humble", "jazzy") else 1


def publish(width: int, height: int) -> None:
    """Publishes images at RATE_HZ, stamped with the clock at the start of their conversion."""
    import rclpy
    from sensor_msgs.msg import Image

    from visuomotor.ros import topics
    from visuomotor.ros.images import color_msg

    rclpy.init()
    node = rclpy.create_node("bench_publisher")
    publisher = node.create_publisher(Image, "bench/image", topics.RELIABLE)
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    while publisher.get_subscription_count() == 0:
        time.sleep(0.05)
    due = time.monotonic()
    while True:  # the subscriber has enough at some time; then this process is ended
        publisher.publish(color_msg(pixels, time.time_ns(), "camera"))
        due += 1.0 / RATE_HZ
        time.sleep(max(0.0, due - time.monotonic()))


def subscribe() -> None:
    """Prints the latencies in ms of IMAGES images, from stamp to array in the callback."""
    import rclpy
    from sensor_msgs.msg import Image

    from visuomotor.ros import topics
    from visuomotor.ros.images import color_from_msg
    from visuomotor.ros.messages import stamp_ns_of

    rclpy.init()
    node = rclpy.create_node("bench_subscriber")
    latencies: list[float] = []

    def receive(msg: Image) -> None:
        color_from_msg(msg)
        latencies.append((time.time_ns() - stamp_ns_of(msg)) * 1e-6)

    node.create_subscription(Image, "bench/image", receive, topics.RELIABLE)
    warm_up = 10
    while len(latencies) < IMAGES + warm_up:
        rclpy.spin_once(node, timeout_sec=1.0)
    print(json.dumps(latencies[warm_up:]), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "publish":
        publish(int(sys.argv[2]), int(sys.argv[3]))
    else:
        subscribe()
