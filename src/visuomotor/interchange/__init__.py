"""Datasets of LeRobot and robomimic, written from our bags and read into them."""
