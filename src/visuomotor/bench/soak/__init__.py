"""Whether the complete graph runs for long as it runs at first."""

from visuomotor.bench.soak.measure import run
from visuomotor.bench.soak.page import page, pictures

__all__ = ["page", "pictures", "run"]
