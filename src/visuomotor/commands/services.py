"""`call`: the nodes' services from a shell that has no `ros2` command."""

from __future__ import annotations

import os

from tyro.conf import Positional


def call(service: Positional[str], timeout_s: float = 5.0) -> int:
    """Call a node's service without request data, such as recorder/start, and print its answer.

    Args:
        service: Its name: recorder/start, recorder/stop, recorder/mark_success, policy/start,
            policy/stop, bridge/reset, sim/reset, ...
        timeout_s: Longest wait for the node and for its answer.
    """
    from visuomotor.ros.discovery import local_environment

    os.environ.update(local_environment(os.environ))

    import rclpy
    from rclpy.signals import SignalHandlerOptions
    from std_srvs.srv import Trigger

    from visuomotor.ros.services import call as ask

    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node(f"visuomotor_call_{os.getpid()}")
    try:
        answer = ask(node, node.create_client(Trigger, service), timeout_s)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    print(answer.message or "done")
    return 0
