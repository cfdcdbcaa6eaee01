"""A launch file and its arguments -> the node processes to run.

The subset of ROS's launch XML that our files use, with its meaning; anything else is an error
that names file and line. Conditions and substitutions are all decided while reading.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from visuomotor.errors import ConfigError, VisuomotorError, unknown_name
from visuomotor.ros.launch.location import executable
from visuomotor.ros.launch.markup import Element, read_xml
from visuomotor.ros.launch.parameter import parameter_arguments
from visuomotor.ros.launch.substitution import Scope, substitute

CONDITIONS = ("if", "unless")
NODE = (
    "pkg", "exec", "name", "namespace", "output", "args", "respawn", "respawn_delay", "on_exit",
)  # fmt: skip
TRUE, FALSE = ("true", "1"), ("false", "0")


@dataclass(frozen=True)
class NodeSpec:
    """One process. required: its end ends the launch. where: file and line, for messages."""

    name: str
    package: str
    executable: str
    command: list[str]
    environment: dict[str, str]
    required: bool = False
    respawn: bool = False
    respawn_delay_s: float = 0.0
    where: str = ""


def read_launch_file(
    path: Path, arguments: Mapping[str, str], environment: Mapping[str, str] | None = None
) -> list[NodeSpec]:
    """The processes of a launch file; ConfigError for what it, or an argument, has wrong."""
    reader = _Reader(dict(arguments), dict(os.environ if environment is None else environment))
    reader.file(path)
    for name in arguments:
        if name not in reader.declared:
            raise ConfigError(f"{path}: {unknown_name('argument', name, reader.declared)}")
    return reader.nodes


@dataclass
class _Reader:
    variables: dict[str, str]
    environment: dict[str, str]
    namespace: str = ""
    remaps: list[tuple[str, str]] = field(default_factory=list)
    nodes: list[NodeSpec] = field(default_factory=list)
    declared: dict[str, str] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)

    def file(self, path: Path) -> None:
        root = read_xml(path)
        root.check(("version",), _ACTIONS)
        self.files.append(path.resolve())
        self.actions(root)
        self.files.pop()

    def actions(self, parent: Element) -> None:
        for element in parent.children:
            action = _ACTIONS.get(element.tag)
            if action is None:
                raise element.error(unknown_name("element", element.tag, _ACTIONS))
            if self.applies(element):
                action(self, element)

    def text(self, element: Element, value: str) -> str:
        scope = Scope(self.variables, self.environment, self.files[-1].parent)
        try:
            return substitute(value, scope)
        except VisuomotorError as error:
            raise element.error(str(error)) from None

    def get(self, element: Element, name: str, default: str = "") -> str:
        return self.text(element, element.attributes.get(name, default))

    def need(self, element: Element, name: str) -> str:
        return self.text(element, element.required(name))

    def applies(self, element: Element) -> bool:
        """Whether its `if` and `unless` let an element take part."""
        wanted = {"if": True, "unless": False}
        given = [name for name in CONDITIONS if name in element.attributes]
        if len(given) > 1:
            raise element.error("got both `if` and `unless`, expected one of them")
        return all(self.truth(element, name) == wanted[name] for name in given)

    def truth(self, element: Element, name: str, default: str = "") -> bool:
        value = self.get(element, name, default).strip().lower()
        if value not in TRUE + FALSE:
            raise element.error(f"{name}: got {value!r}, expected true, false, 1 or 0")
        return value in TRUE

    def arg(self, element: Element) -> None:
        element.check(("name", "default", "description", *CONDITIONS), ("choice",))
        name = self.need(element, "name")
        self.declared[name] = element.attributes.get("description", "")
        if name not in self.variables:
            if "default" not in element.attributes:
                raise element.error(
                    f"the argument {name!r} has no default; add {name}:=VALUE"
                    + (f" ({self.declared[name]})" if self.declared[name] else "")
                )
            self.variables[name] = self.get(element, "default")
        choices = [self.need(c, "value") for c in element.children]
        if choices and self.variables[name] not in choices:
            raise element.error(unknown_name(f"value of {name}", self.variables[name], choices))

    def let(self, element: Element) -> None:
        element.check(("name", "value", *CONDITIONS))
        self.variables[self.need(element, "name")] = self.need(element, "value")

    def set_env(self, element: Element) -> None:
        element.check(("name", "value", *CONDITIONS))
        self.environment[self.need(element, "name")] = self.need(element, "value")

    def unset_env(self, element: Element) -> None:
        element.check(("name", *CONDITIONS))
        self.environment.pop(self.need(element, "name"), None)

    def push_namespace(self, element: Element) -> None:
        element.check(("namespace", *CONDITIONS))
        self.namespace = _join(self.namespace, self.need(element, "namespace"))

    def set_remap(self, element: Element) -> None:
        element.check(("from", "to", *CONDITIONS))
        self.remaps.append((self.need(element, "from"), self.need(element, "to")))

    def group(self, element: Element) -> None:
        element.check(("scoped", *CONDITIONS), _ACTIONS)
        if not self.truth(element, "scoped", "true"):
            self.actions(element)
            return
        with self.scoped():
            self.actions(element)

    @contextmanager
    def scoped(self) -> Iterator[None]:
        before = dict(self.variables), dict(self.environment), self.namespace, list(self.remaps)
        yield
        self.variables, self.environment, self.namespace, self.remaps = before

    def include(self, element: Element) -> None:
        element.check(("file", *CONDITIONS), ("arg", "let"))
        path = Path(self.need(element, "file"))
        if path.resolve() in self.files:
            raise element.error(f"{path} includes itself")
        for child in element.children:
            child.check(("name", "value"))
            self.variables[self.need(child, "name")] = self.need(child, "value")
        if not path.exists():
            raise element.error(f"no such file: {path}")
        if path.suffix != ".xml":
            raise element.error(
                f"{path} is no XML: `visuomotor up` does not run it; use `ros2 launch`, or start "
                "that file with it and leave it out here"
            )
        self.file(path)

    def node(self, element: Element) -> None:
        element.check((*NODE, *CONDITIONS), ("param", "remap", "env"))
        package, exec_name = self.need(element, "pkg"), self.need(element, "exec")
        try:
            command = executable(package, exec_name, self.environment)
        except VisuomotorError as error:
            raise element.error(str(error)) from None
        environment = dict(self.environment)
        remaps = list(self.remaps)
        parameters: list[str] = []
        for child in element.children:
            if not self.applies(child):
                continue
            if child.tag == "param":
                parameters += parameter_arguments(child, lambda e, v: self.text(e, v))
                continue
            child.check(("name", "value") if child.tag == "env" else ("from", "to"))
            if child.tag == "env":
                environment[self.need(child, "name")] = self.need(child, "value")
            else:
                remaps.append((self.need(child, "from"), self.need(child, "to")))
        name = self.get(element, "name")
        namespace = _join(self.namespace, self.get(element, "namespace"))
        ros = [f"__node:={name}"] if name else []
        ros += [f"__ns:={namespace}"] if namespace else []
        ros += [f"{a}:={b}" for a, b in remaps]
        words = [w for rule in ros for w in ("-r", rule)] + parameters
        on_exit = self.get(element, "on_exit")
        if on_exit not in ("", "shutdown"):
            raise element.error(f"on_exit: got {on_exit!r}, expected 'shutdown'")
        output = self.get(element, "output", "screen")
        if output not in ("screen", "log", "both", "own_log", "full"):
            raise element.error(f"output: got {output!r}, expected screen, log or both")
        self.nodes.append(
            NodeSpec(
                name=name or exec_name,
                package=package,
                executable=exec_name,
                command=[
                    *command,
                    *shlex.split(self.get(element, "args")),
                    *(["--ros-args", *words] if words else []),
                ],
                environment=environment,
                required=on_exit == "shutdown",
                respawn=self.truth(element, "respawn", "false"),
                respawn_delay_s=self.seconds(element, "respawn_delay"),
                where=f"{element.file}:{element.line}",
            )
        )

    def seconds(self, element: Element, name: str) -> float:
        value = self.get(element, name, "0")
        try:
            return float(value)
        except ValueError:
            raise element.error(f"{name}: got {value!r}, expected seconds") from None


_ACTIONS: dict[str, Callable[[_Reader, Element], None]] = {
    "arg": _Reader.arg,
    "let": _Reader.let,
    "set_env": _Reader.set_env,
    "unset_env": _Reader.unset_env,
    "push-ros-namespace": _Reader.push_namespace,
    "push_ros_namespace": _Reader.push_namespace,
    "set_remap": _Reader.set_remap,
    "group": _Reader.group,
    "include": _Reader.include,
    "node": _Reader.node,
}


def _join(namespace: str, name: str) -> str:
    """A namespace below another; an absolute one stands alone."""
    if not name:
        return namespace
    return name if name.startswith("/") else f"{namespace.rstrip('/')}/{name}"
