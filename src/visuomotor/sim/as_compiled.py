"""The fields of a model that tasks change from episode to episode, kept as they were compiled."""

from __future__ import annotations

import mujoco

_FIELDS = (
    "qpos0",
    "body_pos",
    "body_quat",
    "geom_size",
    "geom_pos",
    "geom_quat",
    "geom_rgba",
    "geom_matid",
    "mat_rgba",
    "light_dir",
    "light_diffuse",
    "cam_pos",
    "cam_quat",
)
_HEADLIGHT = ("ambient", "diffuse")


class AsCompiled:
    """Remembers those fields and writes them back.

    Bounding boxes are not among them: they stay those of the compiled sizes, so a task compiles
    the largest size that it will set.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        self._model = model
        self._fields = {name: getattr(model, name).copy() for name in _FIELDS}
        self._headlight = {n: getattr(model.vis.headlight, n).copy() for n in _HEADLIGHT}

    def restore(self) -> None:
        """Makes the model what it was."""
        for name, value in self._fields.items():
            getattr(self._model, name)[:] = value
        for name, value in self._headlight.items():
            getattr(self._model.vis.headlight, name)[:] = value

    def moved(self, camera: int) -> bool:
        """Whether a camera stands elsewhere in its parent than as it was compiled."""
        return any(
            bool((getattr(self._model, name)[camera] != self._fields[name][camera]).any())
            for name in ("cam_pos", "cam_quat")
        )
