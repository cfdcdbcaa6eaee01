"""Where cameras stand and how late they are, measured from the arm's own motion."""
