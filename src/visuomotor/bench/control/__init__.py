"""How the arm follows a streamed target, and what it does when something fails."""

from visuomotor.bench.control.measure import run
from visuomotor.bench.control.page import page

__all__ = ["page", "run"]
