"""Ours beside what else a laboratory would use, on the same data, by turns in one run."""

from visuomotor.bench.peers.measure import run
from visuomotor.bench.peers.page import page

__all__ = ["page", "run"]
