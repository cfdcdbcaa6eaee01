"""What the complete graph does when something fails."""

from visuomotor.bench.faults.measure import run
from visuomotor.bench.faults.page import page

__all__ = ["page", "run"]
