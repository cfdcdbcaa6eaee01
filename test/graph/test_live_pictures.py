"""The viewer's live pictures: synchronised sets on real topics, asked for over HTTP."""

import json
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

rclpy = pytest.importorskip("rclpy")
ROOMS = Path(__file__).parents[1] / "unit"
sys.path[:0] = [str(ROOMS / "console"), str(ROOMS / "descriptors")]

import torch  # noqa: E402
from box_pictures import SPEC, ColourNetwork, a_set  # noqa: E402
from geometry_msgs.msg import PoseStamped, TransformStamped  # noqa: E402
from rclpy.node import Node  # noqa: E402
from ros_node import running  # noqa: E402
from sensor_msgs.msg import CameraInfo, Image, JointState  # noqa: E402

from visuomotor.console.descriptor_view import DescriptorView  # noqa: E402
from visuomotor.console.gallery import Gallery  # noqa: E402
from visuomotor.console.live import LiveSets  # noqa: E402
from visuomotor.console.server import PageServer  # noqa: E402
from visuomotor.descriptors.config import DescriptorConfig  # noqa: E402
from visuomotor.descriptors.model import DescriptorModel  # noqa: E402
from visuomotor.ros import messages, topics  # noqa: E402
from visuomotor.ros.images import color_msg, depth_msg  # noqa: E402


class Cameras(Node):
    """Publishes the box as synchronised sets when told to."""

    def __init__(self) -> None:
        super().__init__("cameras")
        self.frame = a_set(0)
        self.out: dict[str, Any] = {
            topics.SYNCED_POSE: self.create_publisher(
                PoseStamped, topics.SYNCED_POSE, topics.STATE
            ),
            topics.SYNCED_JOINT_STATES: self.create_publisher(
                JointState, topics.SYNCED_JOINT_STATES, topics.STATE
            ),
        }
        for name, camera in self.frame.cameras.items():
            for kind, topic in (
                (CameraInfo, topics.camera_info(name, topics.SYNCED)),
                (Image, topics.color(name, topics.SYNCED)),
                (Image, topics.depth(name, topics.SYNCED)),
            ):
                self.out[topic] = self.create_publisher(kind, topic, topics.SENSOR)
            mount = self.create_publisher(TransformStamped, topics.extrinsics(name), topics.LATCHED)
            mount.publish(messages.transform_msg(camera.T_base_camera, 0, "fr3_link0", name))
            self.out[topics.extrinsics(name)] = mount

    def publish(self) -> None:
        stamp, robot = int(self.get_clock().now().nanoseconds), self.frame.robot
        self.out[topics.SYNCED_POSE].publish(messages.pose_msg(robot.T_base_ee, stamp))
        self.out[topics.SYNCED_JOINT_STATES].publish(
            messages.joint_state_msg(robot.q, robot.dq, stamp, robot.gripper_width_m)
        )
        for name, camera in self.frame.cameras.items():
            info = messages.camera_info_msg(camera.camera, stamp, name)
            self.out[topics.camera_info(name, topics.SYNCED)].publish(info)
            color = color_msg(camera.color, stamp, name)
            self.out[topics.color(name, topics.SYNCED)].publish(color)
            assert camera.depth_mm is not None
            depth = depth_msg(camera.depth_mm, stamp, name)
            self.out[topics.depth(name, topics.SYNCED)].publish(depth)


@pytest.fixture
def cameras() -> Iterator[Cameras]:
    yield from running(Cameras)


def test_a_running_graph_is_looked_into_without_any_dataset(cameras: Cameras) -> None:
    config = DescriptorConfig(dimensions=3, keypoints=2)
    network: Any = ColourNetwork()
    gallery = Gallery(DescriptorModel(config, network, torch.zeros(2, 3), SPEC))
    server = PageServer(DescriptorView(gallery, "live", running=True).routes)
    server.start()
    live = LiveSets(SPEC, gallery.add_live)

    def ask(path: str) -> Any:
        with urllib.request.urlopen(server.url + path, timeout=10) as reply:
            return json.loads(reply.read())

    try:
        assert ask("about")["live"] is None
        end = time.monotonic() + 25
        while (step := ask("about")["live"]) is None:
            assert time.monotonic() < end, "no set came through"
            cameras.publish()
            time.sleep(0.05)
        query = f"match?source=live/{step}/front&u=46&v=27&targets=live/side,live/{step}/side"
        now, same = ask(query)["matches"]
        assert now["pixel"] == same["pixel"]
        assert same["truth"][2] == "visible"
    finally:
        live.close()
        server.close()
    assert rclpy.ok()  # who started ROS ends it
