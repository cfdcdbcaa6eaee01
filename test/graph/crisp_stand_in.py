"""The other side of the crisp backend, by the rules that its documentation states.

CRISP's CartesianController (crisp_controllers v2.3.1): it follows PoseStamped `target_pose`
(reliable, depth 1), ignores every target while more than one publisher is on the topic, never
times out, checks no frame, and pulls with a stiffness on an error that it clips. franka_ros2's
broadcaster (v2.5.0, v3.4.0) publishes the state best effort with depth 1.
"""

import numpy as np
import rclpy
from geometry_msgs.msg import PoseStamped, WrenchStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy

from visuomotor.geometry import pose
from visuomotor.ros import messages, topics
from visuomotor.ros.executor_thread import ExecutorThread

DOWN = np.diag([1.0, -1.0, -1.0])
HOME = pose(DOWN, [0.45, 0.0, 0.3])
ERROR_CLIP_M = 0.02
PULL_PER_S = 12.0  # speed in m/s for each metre of clipped error: the arm's impedance
BROADCAST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


class Crisp:
    """A controller with a compliant arm, spun by a thread of its own."""

    def __init__(self, controller_pose=True, end_effector=(0.0, 0.0, 0.0)) -> None:
        self.node = rclpy.create_node("cartesian_impedance_controller", use_global_arguments=False)
        self.measured = HOME.copy()
        self.blocked = self.silent = False
        self.is_active = lambda: True  # what controller_manager says of it
        self.force_n = 0.0
        self.taken = self.ignored = 0
        self.frames: set[str] = set()
        self.offset = np.asarray(end_effector, float)  # of the controller's frame from Desk's
        self.target = HOME.copy()
        self.target[:3, 3] += self.offset  # activated, it holds where its own frame is
        self._own_pose = controller_pose
        make = self.node.create_publisher
        self._pose = make(PoseStamped, topics.CURRENT_POSE, BROADCAST)
        self._controller_pose = make(PoseStamped, topics.CONTROLLER_POSE, 1)
        self._wrench = make(WrenchStamped, topics.EXTERNAL_WRENCH, BROADCAST)
        self._listening = self.node.create_subscription(
            PoseStamped, topics.TARGET_POSE, self._on_target, QoSProfile(depth=1)
        )
        self.node.create_timer(0.01, self._update)
        executor = SingleThreadedExecutor()
        executor.add_node(self.node)
        self._thread = ExecutorThread(executor)

    def unload(self) -> None:
        """The controller is gone; the broadcaster goes on."""
        self.node.destroy_subscription(self._listening)

    def close(self) -> None:
        self._thread.close(5.0)
        self.node.destroy_node()

    def _on_target(self, msg) -> None:
        if self.node.count_publishers(topics.TARGET_POSE) > 1:
            self.ignored += 1
            return
        self.taken += 1
        self.frames.add(msg.header.frame_id)
        self.target = messages.pose_from_msg(msg)

    def _update(self) -> None:
        error = self.target[:3, 3] - self.measured[:3, 3] - self.offset
        if self.is_active() and not self.blocked:
            self.measured[:3, 3] += np.clip(error, -ERROR_CLIP_M, ERROR_CLIP_M) * PULL_PER_S * 0.01
        if self.silent:
            return
        now_ns = self.node.get_clock().now().nanoseconds
        self._pose.publish(messages.pose_msg(self.measured, now_ns))
        if self._own_pose:
            own = self.measured.copy()
            own[:3, 3] += self.offset
            self._controller_pose.publish(messages.pose_msg(own, now_ns, "base"))
        wrench = WrenchStamped()
        wrench.wrench.force.z = self.force_n
        self._wrench.publish(wrench)
