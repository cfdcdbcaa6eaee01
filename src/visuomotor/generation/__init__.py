"""Self-generation: rollouts of a stage-1 policy become demonstrations of new pairs."""

from visuomotor.generation.config import GenerationConfig
from visuomotor.generation.coverage import Coverage, coverage, coverage_of
from visuomotor.generation.log import Generated, GenerationLog

__all__ = [
    "Coverage",
    "Generated",
    "GenerationConfig",
    "GenerationLog",
    "coverage",
    "coverage_of",
]
