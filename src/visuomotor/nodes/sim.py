"""The simulated world in real time, on the topics that the real drivers use."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from dataclasses import dataclass

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped, TransformStamped
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image, JointState

from visuomotor.contracts import BASE_FRAMES, CameraFrame, RobotState, check_priority
from visuomotor.errors import ConfigError, VisuomotorError
from visuomotor.ros import messages, topics
from visuomotor.ros.images import color_msg, depth_msg
from visuomotor.ros.parameters import declare, read
from visuomotor.ros.polled import PolledSubscription
from visuomotor.ros.run import run_node
from visuomotor.ros.scheduling import come_first, stand_back
from visuomotor.ros.services import trigger
from visuomotor.sim.config import SimConfig
from visuomotor.sim.realtime import RealtimeWorld
from visuomotor.sim.sensors import StreamFaults
from visuomotor.sim.stream_faults import FaultyStreams, StreamFault
from visuomotor.sim.world import SimWorld

HAND_FRAME = "fr3_hand_tcp"


LIVE = (
    *("seed", "start", "goal", "push", "push_s", "reflex"),
    *("drop_fraction", "stamp_jitter_s", "dead_camera", "dead_after_s", "stream_faults"),
)
"""Parameters that count while the node runs: at the next reset, push or image."""


@dataclass(frozen=True)
class Config(SimConfig):
    """The world, its rates, the faults of its streams, and its libfranka server.

    camera_latency_s: per camera, how late its stamps are (empty: none is). command_latency_s: how
    much later than it came a reference reaches the arm. Both are there to be measured. With
    libfranka_server the arm is driven by a libfranka client at `hostname`, whose backend
    publishes the robot's state; the graph's references are then not for this node. lost_packets:
    of that client in motion, in ms, until the arm stops with an error; 0: never. cycle_ms: of its
    control loop, 1 as a real arm's, or more to save CPU; realtime_priority: of that loop, where the
    system allows it, 0: none. sim/reflex stops it with the error
    `reflex`; sim/push pushes the hand with `push` (N, Nm in base) for push_s. stream_faults: of
    single streams, while the node runs: `front/depth dead`, `robot shift -10`
    (sim.stream_faults.KINDS); the robot's only without libfranka_server.
    """

    seed: int = 0
    camera_rate_hz: float = 20.0
    state_rate_hz: float = 100.0
    drop_fraction: float = 0.0
    stamp_jitter_s: float = 0.0
    dead_camera: str = ""
    dead_after_s: float = 0.0
    stream_faults: tuple[str, ...] = ()
    camera_latency_s: tuple[float, ...] = ()
    command_latency_s: float = 0.0
    libfranka_server: bool = False
    hostname: str = "127.0.0.1"
    lost_packets: int = 0
    cycle_ms: int = 1
    realtime_priority: int = 1
    reflex: str = "cartesian_reflex"
    push: tuple[float, ...] = (0.0, 0.0, 30.0, 0.0, 0.0, 0.0)
    push_s: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        self.faults()
        self.faulty_streams()
        if self.lost_packets < 0 or len(self.push) != 6 or not 0 < self.push_s <= 10:
            raise ValueError(
                f"got lost_packets {self.lost_packets}, push {self.push}, push_s {self.push_s}; "
                "expected 0 or more, six numbers, and up to 10 s"
            )
        check_priority(self.realtime_priority)
        if not 1 <= self.cycle_ms <= 4:
            raise ValueError(f"got cycle_ms {self.cycle_ms}, expected 1 (a real arm's) to 4")
        if not (0 < self.camera_rate_hz <= 120 and 0 < self.state_rate_hz <= 100):
            raise ValueError(
                f"got camera_rate_hz {self.camera_rate_hz}, state_rate_hz {self.state_rate_hz}; "
                "expected up to 120 and up to 100, the rate of the arm's simulated controller"
            )

        if self.camera_latency_s and len(self.camera_latency_s) != len(self.cameras):
            raise ValueError(
                f"camera_latency_s: got {len(self.camera_latency_s)} numbers, expected one for "
                f"each of {', '.join(self.cameras)}"
            )
        late = (*self.camera_latency_s, self.command_latency_s)
        if not (all(abs(s) <= 0.5 for s in late) and self.command_latency_s >= 0):
            raise ValueError(
                f"got camera_latency_s {self.camera_latency_s}, command_latency_s "
                f"{self.command_latency_s}; expected up to 0.5 s, the command's not negative"
            )

    def late_ns(self) -> dict[str, int]:
        """By camera, how late its stamps are."""
        late = self.camera_latency_s or (0.0,) * len(self.cameras)
        return {name: round(1e9 * s) for name, s in zip(self.cameras, late, strict=True)}

    def faults(self) -> StreamFaults:
        """The faults of the image streams."""
        return StreamFaults(
            self.drop_fraction, self.stamp_jitter_s, self.dead_camera, self.dead_after_s
        )

    def faulty_streams(self) -> tuple[StreamFault, ...]:
        """The faults of single streams."""
        return tuple(StreamFault.parse(text, self.cameras) for text in self.stream_faults)


class Sim(Node):
    """Publishes cameras and robot of a world, and takes references and gripper commands."""

    def __init__(self) -> None:
        super().__init__("sim")
        self.config = declare(self, Config, LIVE)
        if self.config.libfranka_server and (refused := come_first(self.config.realtime_priority)):
            self.get_logger().info(refused)
        self.world = RealtimeWorld(
            self._make_world(),
            lambda: self.get_clock().now().nanoseconds,
            None if self.config.libfranka_server else self._publish_state,
            self._take_commands,
        )
        self._commands: tuple[PolledSubscription, ...] = ()
        self._state_ns = 0
        self._late_ns = self.config.late_ns()
        self._coming: deque[tuple[float, PoseStamped]] = deque()
        self._rng = np.random.default_rng(self.config.seed)
        self._images = {
            c: (
                self.create_publisher(Image, topics.color(c), topics.SENSOR),
                self.create_publisher(Image, topics.depth(c), topics.SENSOR),
                self.create_publisher(CameraInfo, topics.camera_info(c), topics.SENSOR),
            )
            for c in self.config.cameras
        }
        self._extrinsics = {
            c: self.create_publisher(TransformStamped, topics.extrinsics(c), topics.LATCHED)
            for c in self.config.cameras
        }
        task = self._simulated.task
        self._objects = {
            name: self.create_publisher(PoseStamped, topics.object_pose(name), topics.STATE)
            for name in task.objects
        }
        self._status = self.create_publisher(DiagnosticArray, topics.SIM_STATUS, topics.RELIABLE)
        if not self.config.libfranka_server:
            self._joints = self.create_publisher(JointState, topics.JOINT_STATES, topics.STATE)
            self._pose = self.create_publisher(PoseStamped, topics.CURRENT_POSE, topics.STATE)
            self._gripper = self.create_publisher(
                JointState, topics.GRIPPER_JOINT_STATES, topics.STATE
            )
            command = topics.COMMAND
            self._commands = (
                PolledSubscription(
                    self, PoseStamped, topics.COMMAND_REFERENCE, command, self._follow
                ),
                PolledSubscription(self, JointState, topics.COMMAND_GRIPPER, command, self._grip),
            )
        self.create_timer(0.05, self._publish_truth)
        self._faults = self.config.faults()
        self._streams = FaultyStreams(self.config.faulty_streams())
        self.create_timer(0.25, self._look_at_faults)
        trigger(self, topics.SIM_RESET, self._reset)
        trigger(self, topics.SIM_PUSH, self._push_hand)
        trigger(self, topics.SIM_REFLEX, self._trip)
        self._stop = threading.Event()
        self._failure: Exception | None = None
        self.world.start(self.config.seed)
        self._publish_extrinsics()
        self._renders = threading.Thread(target=self._render, name="cameras", daemon=True)
        self._renders.start()

    def _make_world(self) -> SimWorld:
        if self.config.libfranka_server:
            from visuomotor.sim.franka import FrankaWorld

            sys.setswitchinterval(5e-4)  # the 1 kHz server must not wait 5 ms for the interpreter
            self._simulated: SimWorld = FrankaWorld(
                self.config, self.config.hostname, self.config.lost_packets, self.config.cycle_ms
            )
        else:
            self._simulated = SimWorld(self.config)
        return self._simulated

    def _publish_extrinsics(self) -> None:
        """After every reset: an environment may have moved the cameras."""
        now_ns = self.get_clock().now().nanoseconds
        for camera, publisher in self._extrinsics.items():
            mount = self._simulated.mount(camera)
            parent = BASE_FRAMES[0] if mount.parent == "base" else HAND_FRAME
            publisher.publish(
                messages.transform_msg(mount.T_parent_camera, now_ns, parent, optical_frame(camera))
            )

    def _publish_state(self, state: RobotState) -> None:
        """After a step, in the physics' thread: a timer's wake-ups would cost more than both."""
        if abs(state.stamp_ns - self._state_ns) * 1e-9 < 1.0 / self.config.state_rate_hz - 0.005:
            return
        self._state_ns = state.stamp_ns
        stamp_ns = self._streams.stamp_ns("robot", state.stamp_ns)
        if stamp_ns is None:
            return
        self._joints.publish(messages.joint_state_msg(state.q, state.dq, stamp_ns))
        self._pose.publish(messages.pose_msg(state.T_base_ee, stamp_ns))
        self._gripper.publish(messages.gripper_msg(state.gripper_width_m, stamp_ns))

    def _publish_truth(self) -> None:
        if self._failure is not None:
            raise self._failure
        stamp_ns, objects, solved, elapsed_s = self.world.truth()
        for name, T in objects.items():
            self._objects[name].publish(messages.pose_msg(T, stamp_ns))
        pair, reached = self.world.goals()
        status = {
            "task": self.config.task,
            "seed": self._simulated.seed,
            "success": solved,
            "pair": pair,
            "reached": reached,
            "elapsed_s": elapsed_s,
            "late": self.world.late,
            "physics_s": self.world.physics_s,
        }
        self._status.publish(messages.diagnostics_msg({"sim": status}, stamp_ns))

    def _take_commands(self) -> None:
        """Before a step, in the physics' thread."""
        for commands in self._commands:
            commands.drain()
        while self._coming and self._coming[0][0] <= time.monotonic():
            self._obey(self._coming.popleft()[1])

    def _follow(self, msg: PoseStamped) -> None:
        if self.config.command_latency_s > 0:
            self._coming.append((time.monotonic() + self.config.command_latency_s, msg))
        else:
            self._obey(msg)

    def _obey(self, msg: PoseStamped) -> None:
        try:
            if not self.world.follow(messages.pose_from_msg(msg)):
                self.get_logger().warning(
                    "ignoring a reference far from the arm; call bridge/reset after a sim/reset",
                    throttle_duration_sec=5.0,
                )
        except VisuomotorError as error:
            self.get_logger().error(f"reference ignored: {error}", throttle_duration_sec=5.0)

    def _grip(self, msg: JointState) -> None:
        try:
            self.world.grip(messages.gripper_command_from_msg(msg))
        except VisuomotorError as error:
            self.get_logger().error(f"gripper command ignored: {error}")

    def _look_at_faults(self) -> None:
        """Streams may be made to die or to err while the node runs."""
        config = read(self, Config)
        self._faults = config.faults()
        if config.faulty_streams() != self._streams.faults:
            self._streams = FaultyStreams(config.faulty_streams())

    def _reset(self) -> str:
        config = read(self, Config)
        if config.seed < 0:
            raise ConfigError(f"got seed {config.seed}, expected a number >= 0")
        self.world.reset(config.seed, config.start, config.goal)
        self._publish_extrinsics()
        pair = str(self._simulated.pair)
        return f"{config.task}, seed {config.seed}" + (f", {pair}" if pair else "")

    def _push_hand(self) -> str:
        config = read(self, Config)
        self.world.push_hand(np.array(config.push), config.push_s)
        return f"pushing the hand for {config.push_s:g} s"

    def _trip(self) -> str:
        from visuomotor.sim.franka import FrankaWorld

        if not isinstance(self._simulated, FrankaWorld):
            raise ConfigError("only an arm behind libfranka_server has reflexes")
        error = read(self, Config).reflex
        self._simulated.arm_server.trip(error)
        return error

    def _render(self) -> None:
        """The camera thread: its own rate, its own OpenGL context, no hurry."""
        stand_back()
        period_s = 1.0 / self.config.camera_rate_hz
        start = due = time.monotonic()
        try:
            while not self._stop.is_set():
                frame = self._simulated.frame(self.world.snapshot())
                elapsed_s = time.monotonic() - start
                for name, camera in frame.cameras.items():
                    self._publish_camera(name, camera, frame.stamp_ns, elapsed_s)
                due = max(due + period_s, time.monotonic() - period_s)
                self._stop.wait(max(0.0, due - time.monotonic()))
        except Exception as error:  # raised again in the node's own thread, which ends it
            self._failure = None if self._stop.is_set() else error

    def _publish_camera(
        self, name: str, camera: CameraFrame, stamp_ns: int, elapsed_s: float
    ) -> None:
        faults = self._faults
        if faults.dead(name, elapsed_s):
            return
        stamp_ns += faults.jitter_ns(self._rng) + self._late_ns[name]
        color, depth, info = self._images[name]
        frame_id = optical_frame(name)
        # One object for the whole exposure: what is switched on meanwhile begins with the next.
        streams = self._streams
        color_ns = streams.stamp_ns(f"{name}/color", stamp_ns)
        depth_ns = streams.stamp_ns(f"{name}/depth", stamp_ns)
        if color_ns is not None and not faults.lost(self._rng):
            info.publish(messages.camera_info_msg(camera.camera, color_ns, frame_id))
        if color_ns is not None and not faults.lost(self._rng):
            color.publish(color_msg(camera.color, color_ns, frame_id))
        if camera.depth_mm is not None and depth_ns is not None and not faults.lost(self._rng):
            depth.publish(depth_msg(camera.depth_mm, depth_ns, frame_id))

    def close(self) -> None:
        """Stops the threads and frees OpenGL and ports."""
        self._stop.set()
        self._renders.join(2.0)
        self.world.close()
        self._simulated.close()


def optical_frame(camera: str) -> str:
    """The frame_id of a camera's images, as realsense2_camera names it."""
    return f"{camera}_color_optical_frame"


def main() -> None:
    """Runs the node."""
    run_node(Sim)


if __name__ == "__main__":
    main()
