"""`visuomotor up FILE [arg:=value ...]`: launch files without ROS's `launch` package."""

from visuomotor.ros.launch.description import NodeSpec, read_launch_file
from visuomotor.ros.launch.location import share_folder
from visuomotor.ros.launch.supervisor import up

__all__ = ["NodeSpec", "read_launch_file", "share_folder", "up"]
