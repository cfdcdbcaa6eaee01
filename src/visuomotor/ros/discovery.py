"""How far nodes look for one another: on this machine alone, unless the user says otherwise."""

from __future__ import annotations

from collections.abc import Mapping


def local_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment, with discovery kept to this machine unless the user has set its range."""
    keys = ("ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_LOCALHOST_ONLY", "ROS_STATIC_PEERS")
    if any(key in environment for key in keys):
        return dict(environment)
    if environment.get("ROS_DISTRO") == "humble":
        return {**environment, "ROS_LOCALHOST_ONLY": "1"}
    return {**environment, "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
