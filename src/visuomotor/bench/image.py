"""How long an image takes from a publisher to a callback in another process.

Fast DDS as it comes (default), with config/fastdds.xml (profile), and in the environment of our
launch files, which also keeps freed memory (ours); in one run and interleaved, so that whatever
else the machine does strikes all. Reliable, because best effort under Fast DDS's own settings
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
from visuomotor.ros.launch import read_launch_file, share_folder

SIZES = ((640, 480), (1280, 720))
VARIANTS = ("default", "profile", "ours")
ROUNDS = 3
IMAGES = 80
RATE_HZ = 20.0
TIMEOUT_S = 60.0
OWN_VARIABLES = (
    "FASTDDS_DEFAULT_PROFILES_FILE",
    "FASTRTPS_DEFAULT_PROFILES_FILE",
    "MALLOC_TRIM_THRESHOLD_",
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_TOP_PAD_",
)
"""What our launch files set; taken away for `default`."""


def run(out: Path) -> dict[str, Any]:
    """Measures all variants at both sizes; returns and writes `image.json`."""
    samples: dict[tuple[str, tuple[int, int]], list[float]] = {}
    for _ in range(ROUNDS):
        for size in SIZES:
            for variant in VARIANTS:
                samples.setdefault((variant, size), []).extend(_measure(variant, *size))
    figures: dict[str, Any] = {"rate_hz": RATE_HZ, "images": ROUNDS * IMAGES}
    for width, height in SIZES:
        cell = {v: _summary(samples[v, (width, height)]) for v in VARIANTS}
        ratio = cell["ours"]["p50_ms"] / cell["default"]["p50_ms"]
        figures[f"{width}x{height}_rgb8"] = {**cell, "ours_over_default": round(ratio, 3)}
    return save_result(
        out / "image.json",
        figures,
        "default: an image larger than the 512 kB shared-memory segment goes through UDP in pieces "
        "of 64 kB; profile: page faults, as glibc returns each image's memory to the kernel; ours: "
        "four copies of the image (array, serialised, segment, deserialised) and the wake-up of "
        "the subscriber's executor",
        "visuomotor bench image",
    )


def _summary(latencies_ms: list[float]) -> dict[str, float]:
    p50, p95 = np.percentile(latencies_ms, [50, 95])
    return {"p50_ms": round(float(p50), 3), "p95_ms": round(float(p95), 3)}


def _environment(variant: str) -> dict[str, str]:
    plain = {k: v for k, v in os.environ.items() if k not in OWN_VARIABLES}
    plain.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    if variant == "default":
        return plain
    ours = read_launch_file(share_folder() / "launch" / "sim.launch.xml", {}, plain)[0].environment
    if variant == "ours":
        return ours
    return {k: v for k, v in ours.items() if not k.startswith("MALLOC_")}


def _measure(variant: str, width: int, height: int) -> list[float]:
    """Latencies in ms of IMAGES images between two new processes."""
    environment = _environment(variant)
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
            f"the variant {variant!r}; does the firewall let DDS through on this machine?"
        ) from None
    finally:
        for process in (subscriber, publisher):
            process.kill()
            process.wait()
    latencies: list[float] = json.loads(received.splitlines()[-1])
    return latencies


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
