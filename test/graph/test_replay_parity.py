"""The same bag read as a dataset and replayed through the graph: the same tensors.

A losslessly recorded one gives the same bits; JPEG moves most keypoints by less than half a pixel.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

rclpy = pytest.importorskip("rclpy")

from geometry_msgs.msg import PoseStamped, TransformStamped  # noqa: E402
from rclpy.node import Node  # noqa: E402
from rclpy.serialization import deserialize_message  # noqa: E402
from ros_node import running  # noqa: E402
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, JointState  # noqa: E402

from visuomotor.contracts import Observation, SyncedFrame  # noqa: E402
from visuomotor.dataset import Dataset, open_dataset  # noqa: E402
from visuomotor.descriptors.matching import project  # noqa: E402
from visuomotor.descriptors.model import load_descriptors, views_of  # noqa: E402
from visuomotor.observations import (  # noqa: E402
    CameraSpec,
    ObservationSpec,
    depth_m_from_mm,
    observe,
)
from visuomotor.recording import WriterConfig, open_bag, read_frames  # noqa: E402
from visuomotor.recording.compression import decompress_color, decompress_depth  # noqa: E402
from visuomotor.ros import messages, topics  # noqa: E402
from visuomotor.ros.images import color_msg, depth_msg  # noqa: E402
from visuomotor.ros.streams import FrameStreams  # noqa: E402
from visuomotor.sim import SimConfig, SimWorld  # noqa: E402
from visuomotor.sim.demos import write_demos  # noqa: E402
from visuomotor.sync import FrameSynchroniser, SyncConfig  # noqa: E402
from visuomotor.training.batches import camera_views, valid_steps  # noqa: E402

RELEASED = Path(__file__).parents[2] / "models" / "checkpoints" / "lift_dense"
CAMERAS = ("front", "side", "wrist")
KINDS = {
    f"{kind.__module__.split('.')[0]}/msg/{kind.__name__}": kind
    for kind in (CameraInfo, CompressedImage, JointState, PoseStamped, TransformStamped)
}
SPEC = ObservationSpec(
    (
        CameraSpec("front", 48, 64, (0.1, 0.2, 0.8, 0.7)),  # cropped and shrunken
        CameraSpec("side"),  # as recorded
        CameraSpec("wrist", 60, 80),
    )
)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same lockstep episode recorded twice: below png/ and below jpeg/."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("recorded")
    world = SimWorld(SimConfig(cameras=CAMERAS))
    for color in ("png", "jpeg"):
        write_demos(world, root / color, range(1), WriterConfig(color=color))
    world.close()
    return root


@pytest.fixture(scope="module")
def episode(recorded: Path) -> Path:
    (folder,) = (recorded / "png" / "lift").iterdir()
    return folder


@pytest.fixture(scope="module")
def dataset(recorded: Path, episode: Path) -> Dataset:
    return open_dataset(recorded / "png", SPEC)


def assert_same_bits(seen: Observation, dataset: Dataset) -> None:
    """The observation against the dataset's arrays at its stamp."""
    arrays = dataset.episodes[0]
    (t,) = np.flatnonzero(arrays.stamps_ns == seen.stamp_ns)
    np.testing.assert_array_equal(seen.T_base_ee, arrays.T_base_ee[t])
    np.testing.assert_array_equal(seen.q, arrays.q[t])
    assert seen.gripper_width_m == arrays.gripper_width_m[t]
    for name, view in seen.views.items():
        T = arrays.T_base_camera[name]
        np.testing.assert_array_equal(view.color, arrays.color[name][t], name)
        np.testing.assert_array_equal(view.depth_m, depth_m_from_mm(arrays.depth_mm[name][t]))
        np.testing.assert_array_equal(view.K, arrays.K[name])
        np.testing.assert_array_equal(view.T_base_camera, T if T.ndim == 2 else T[t])


def test_the_dataset_holds_what_observe_gives(episode: Path, dataset: Dataset) -> None:
    count = 0
    for frame in read_frames(episode):
        assert_same_bits(observe(frame, SPEC), dataset)
        count += 1
    assert count == len(dataset.episodes[0]) > 30
    assert dataset.episodes[0].valid.all()


def test_training_batches_are_what_the_policy_sees(episode: Path, dataset: Dataset) -> None:
    seen = [observe(f, SPEC) for f in read_frames(episode)][::7]
    steps = valid_steps(dataset)[::7]
    for name in SPEC.names:
        batch, live = camera_views(dataset, name, steps), views_of([o.views[name] for o in seen])
        for field in ("color", "depth_m", "K", "T_base_camera"):
            assert torch.equal(getattr(batch, field), getattr(live, field)), (name, field)


class Replay(Node):
    """Publishes an episode's messages on the topics of synced/, images as raw ones."""

    def __init__(self, cameras: tuple[str, ...]) -> None:
        super().__init__("replay")
        self.publishers_by_topic: dict[str, Any] = {}
        for camera in cameras:
            self._offer(Image, topics.color(camera, topics.SYNCED), topics.SENSOR)
            self._offer(Image, topics.depth(camera, topics.SYNCED), topics.SENSOR)
            self._offer(CameraInfo, topics.camera_info(camera, topics.SYNCED), topics.SENSOR)
            self._offer(TransformStamped, topics.extrinsics(camera), topics.LATCHED)
        self._offer(PoseStamped, topics.SYNCED_POSE, topics.STATE)
        self._offer(JointState, topics.SYNCED_JOINT_STATES, topics.STATE)

    def _offer(self, kind: type, topic: str, qos: Any) -> None:
        self.publishers_by_topic[topic] = self.create_publisher(kind, topic, qos)

    def heard(self) -> bool:
        return all(p.get_subscription_count() for p in self.publishers_by_topic.values())

    def publish(self, topic: str, message: Any) -> None:
        """One message of the bag; what is of no synchronised stream is left out."""
        topic = topic.removeprefix("/")
        stamp = messages.stamp_ns_of(message)
        if topic.endswith("/color/compressed"):
            topic = topic.removesuffix("/compressed")
            message = color_msg(decompress_color(message.data, topic), stamp, "")
        elif topic.endswith("/depth/compressedDepth"):
            topic = topic.removesuffix("/compressedDepth")
            message = depth_msg(decompress_depth(message.data, message.format, topic), stamp, "")
        if topic in self.publishers_by_topic:
            self.publishers_by_topic[topic].publish(message)


@pytest.fixture
def node() -> Iterator[Replay]:
    yield from running(lambda: Replay(CAMERAS))


def test_a_bag_replayed_through_the_graph_gives_the_same_bits(
    node: Replay, episode: Path, dataset: Dataset
) -> None:
    """Set by set through publishers, FrameStreams and FrameSynchroniser, as in the policy node."""
    sync = FrameSynchroniser(SyncConfig(SPEC.names))
    arrived: set[tuple[str, int]] = set()

    class Sink:
        """Hands everything on to the synchroniser and notes the extrinsics that came."""

        def __getattr__(self, name: str) -> Any:
            return getattr(sync, name)

        def set_extrinsics(self, camera: str, T: Any) -> None:
            sync.set_extrinsics(camera, T)
            arrived.add((camera, hash(T.tobytes())))

    streams = FrameStreams(node, Sink(), SPEC.names, True, topics.SYNCED)
    frames: list[SyncedFrame] = []

    def spin_until(done: Any) -> None:
        end = time.monotonic() + 20.0
        while not done():
            rclpy.spin_once(node, timeout_sec=0.01)
            with streams.lock:
                now_ns = node.get_clock().now().nanoseconds
                assert time.monotonic() < end, sync.stats(now_ns).status
                frames.extend(sync.poll(now_ns))

    spin_until(node.heard)
    of_set: dict[int, list[tuple[str, Any]]] = {}
    with open_bag(episode) as bag:
        for _, topic, msgtype, cdr in bag.raw():
            message = deserialize_message(cdr, KINDS[msgtype])
            of_set.setdefault(messages.stamp_ns_of(message), []).append((topic, message))
    complete = [s for s, parts in of_set.items() if "/synced/current_pose" in dict(parts)]
    for stamp in sorted(complete)[:40]:
        calibration = [p for p in of_set[stamp] if p[0].endswith("/extrinsics")]
        for part in calibration:  # unstamped for the synchroniser: it must be there first
            before = len(arrived)
            node.publish(*part)
            spin_until(lambda n=before: len(arrived) > n)
        before = len(frames)
        for part in of_set[stamp]:
            if part not in calibration:
                node.publish(*part)
        spin_until(lambda n=before: len(frames) > n)
        assert frames[-1].stamp_ns == stamp
    assert len(frames) == 40
    assert len({tuple(f.cameras["wrist"].T_base_camera.flat) for f in frames}) > 10, "it moves"
    for frame in frames:
        assert_same_bits(observe(frame, SPEC), dataset)


def test_jpeg_moves_most_keypoints_by_less_than_half_a_pixel(recorded: Path) -> None:
    """A keypoint that looks alike in two places may jump between them, so not all do."""
    model = load_descriptors(RELEASED)
    found, views = [], []
    for color in ("png", "jpeg"):
        data = open_dataset(recorded / color, model.spec)
        views.append([camera_views(data, c, valid_steps(data)[::5]) for c in model.spec.names])
        found.append(model.locate(views[-1]))
    for camera, png, jpeg in zip(model.spec.names, *views, strict=True):
        assert torch.equal(png.depth_m, jpeg.depth_m), "depth is lossless in both"
        assert not torch.equal(png.color, jpeg.color)
        before, after = (project(keypoints.points, png)[0] for keypoints in found)
        moved_px = (before - after).norm(dim=-1)
        assert moved_px.median() < 0.3, camera
        assert (moved_px < 0.5).float().mean() > 0.75, camera
