"""Judging the estimator of real2sim: videos whose states are known."""
