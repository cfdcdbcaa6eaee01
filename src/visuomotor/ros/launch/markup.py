"""Launch XML as elements that know their file and line, so that every error can name them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from visuomotor.errors import ConfigError, unknown_name


@dataclass
class Element:
    """One XML element: its attributes, its children and where it stands."""

    tag: str
    attributes: dict[str, str]
    file: Path
    line: int
    children: list[Element] = field(default_factory=list)

    def error(self, text: str) -> ConfigError:
        """An error that names the file, the line and the element."""
        return ConfigError(f"{self.file}:{self.line}: <{self.tag}>: {text}")

    def check(self, attributes: Iterable[str], children: Iterable[str] = ()) -> None:
        """Refuses attributes and child elements other than these."""
        known = set(attributes)
        for name in self.attributes:
            if name not in known:
                raise self.error(unknown_name("attribute", name, known))
        tags = set(children)
        for child in self.children:
            if child.tag not in tags:
                raise child.error(unknown_name(f"element in <{self.tag}>", child.tag, tags))

    def required(self, name: str) -> str:
        """An attribute that must be there."""
        if name not in self.attributes:
            raise self.error(f"lacks the attribute {name!r}")
        return self.attributes[name]


def read_xml(path: Path) -> Element:
    """The root of a launch file; ConfigError if it is missing, broken or not a launch file."""
    parser = expat.ParserCreate()
    stack = [Element("", {}, path, 0)]

    def start(tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag, attributes, path, parser.CurrentLineNumber)
        stack[-1].children.append(element)
        stack.append(element)

    def text(data: str) -> None:
        if data.strip():
            raise stack[-1].error(f"got the text {data.strip()!r}, expected elements only")

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: stack.pop()
    parser.CharacterDataHandler = text
    try:
        parser.Parse(path.read_bytes(), True)
    except OSError as error:
        raise ConfigError(f"{path}: not readable as a launch file: {error.strerror}") from None
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise ConfigError(f"{path}:{error.lineno}: not XML: {reason}") from None
    root = stack[0].children[0]
    if root.tag != "launch":
        raise root.error("expected <launch> as the root")
    return root
