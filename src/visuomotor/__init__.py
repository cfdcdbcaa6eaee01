"""A ROS 2 stack that teaches a Franka arm from few demonstrations."""

import os

__version__ = "0.1.0"

# A picture of some kilobytes may say to be gigapixels; OpenCV reads this when it is first imported.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 26))
