"""The nine actions of Something-Something that skills are learned for."""

from __future__ import annotations

from dataclasses import dataclass

from visuomotor.errors import ConfigError, unknown_name


@dataclass(frozen=True)
class Action:
    """One action: which bodies it has and whether the moved one leaves the table.

    name: as in ACTIONS. identifier: Something-Something's number of the template. static: there is
    a second object, which nobody touches; the other one is in the hand and is put down. lifted: the
    moved object may leave the table once it is touched (paper, section A.2).

    In videos of Something-Else "object 0" is the moved object and "object 1" the static one; in the
    paper's benchmark it is the other way round where there are two. Here bodies carry their roles:
    `moved` and `static`.
    """

    name: str
    identifier: int
    static: bool = False
    lifted: bool = False

    @property
    def kept(self) -> bool:
        """Whether the hand does not let the object go, as when it picks it up."""
        return self.lifted and not self.static


_ALL = (
    Action("pull_left_to_right", 86),
    Action("pull_right_to_left", 87),
    Action("push_left_to_right", 93),
    Action("push_right_to_left", 94),
    Action("pick_up", 47, lifted=True),
    Action("put_behind", 104, static=True, lifted=True),
    Action("put_in_front_of", 105, static=True, lifted=True),
    Action("put_next_to", 107, static=True, lifted=True),
    Action("put_onto", 112, static=True, lifted=True),
)
ACTIONS: dict[str, Action] = {a.name: a for a in _ALL}
"""By name, in the order in which tables list them."""


def find_action(name: str | int) -> Action:
    """The action of a name or of Something-Something's number; raises ConfigError for another."""
    for action in _ALL:
        if name == action.name or str(name) == str(action.identifier):
            return action
    raise ConfigError(
        unknown_name("action", str(name), [*ACTIONS, *(str(a.identifier) for a in _ALL)])
    )
