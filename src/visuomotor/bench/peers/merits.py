"""What the peers do better, by their own documentation: text for the page, with its sources."""

MERITS = """
## What they do better

By their documentation; speed is not what most people choose them for.

- **LeRobot** ([LeRobotDataset v3.0](https://huggingface.co/docs/lerobot/lerobot-dataset-v3)):
  datasets in one format that everybody shares, pushed to and pulled from the Hub with a line;
  streaming of datasets without downloading them; search and viewing in the browser; videos that
  take a fraction of our cache's disk (table above); policies with language (SmolVLA, π0), drivers
  for low-cost arms. We export to its format, import from it and run its ACT and
  Diffusion Policy ([LeRobot](../lerobot.md)).
- **robomimic** ([algorithms](https://robomimic.github.io/docs/introduction/implemented_algorithms.html),
  [datasets](https://robomimic.github.io/docs/)): offline reinforcement learning (BCQ, CQL, IQL,
  TD3-BC, IRIS) and hierarchical cloning, which we have none of; released human demonstrations of
  several qualities with published results; a scanner of hyperparameters. One HDF5 file is easier
  to copy about than a folder of bags.
- **robosuite** ([documentation](https://robosuite.ai/docs/overview.html),
  [1.5](https://github.com/ARISE-Initiative/robosuite/releases/tag/v1.5.0)): many robots, grippers
  and bases up to humanoids, where ours is one arm; a library of controllers up to whole-body ones;
  randomisation of dynamics; photorealistic rendering by Isaac Sim; shadows by default. Its tasks
  are a benchmark that others publish on; ours are not.
- **message_filters** ([source](https://github.com/ros2/message_filters),
  [C++ policy](https://docs.ros.org/en/rolling/p/message_filters/generated/structmessage__filters_1_1sync__policies_1_1ApproximateTime.html)):
  any message with a header, any topics, two lines of code; part of every ROS distribution. Its
  C++ ApproximateTime is another algorithm than the Python class that is measured here, needs no
  tolerance, and is compiled: expect it to cost far less of a processor than either here.
"""
