"""How the arm follows a streamed target, and what it does when something fails."""

from visuomotor.bench.control.measure import run

__all__ = ["run"]
