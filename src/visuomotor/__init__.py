"""A ROS 2 stack that teaches a Franka arm from few demonstrations."""

__version__ = "0.1.0"
