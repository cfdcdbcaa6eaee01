"""What a GTI stage 1 draws: paths by mode, the prior's components, decoded subgoals."""
