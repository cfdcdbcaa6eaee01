"""What generated episodes are tagged with."""

GENERATED = "self-generated"
"""Every episode that a policy made."""
START, GOAL = "start ", "goal "
"""Where an episode began, and the goal that it reached; scripted demonstrations have them, too."""
