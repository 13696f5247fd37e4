"""A YAML file as values that remember the line they stand on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from soc_analyst.state.errors import OperatorError

__all__ = ["Entry", "read_entries"]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_BYTES = 262_144
_MAX_LEVELS = 8


@dataclass(frozen=True)
class Entry:
    """A value of the file: a scalar, a list or a mapping of further entries, with its line counted from 1."""

    value: bool | int | float | str | tuple[Entry, ...] | dict[str, Entry] | None
    line: int
    key_line: int = 0


def read_entries(path: Path) -> Entry:
    """Return the file's top entry; raise OperatorError naming file and line for whatever is no plain YAML."""
    text = _text_of(path)
    try:
        _check_events(text, path)
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise OperatorError(f"this is not YAML: {_problem(error)}", where=f"{path}:{_line(error)}") from None
    if node is None:
        raise OperatorError("the file is empty", where=f"{path}:1")
    return _entry(node, path)


def _check_events(text: str, path: Path) -> None:
    """Refuse what could make a small file large or deep, before anything is built from it."""
    level = 0
    for event in yaml.parse(text, Loader=_LOADER):
        where = f"{path}:{event.start_mark.line + 1 if event.start_mark else 1}"
        level += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            raise OperatorError("anchors and aliases are not read here: write the values out", where=where)
        if level > _MAX_LEVELS:
            raise OperatorError("this is nested too deeply", where=where)


def _text_of(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise OperatorError(f"a file of more than {_MAX_BYTES:,} bytes is not read", where=str(path))
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise OperatorError("there is no such file", where=str(path)) from None
    except UnicodeDecodeError:
        raise OperatorError("the file is not UTF-8 text", where=str(path)) from None
    except OSError as error:
        raise OperatorError(f"the file cannot be read: {error.strerror}", where=str(path)) from None


def _problem(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or "it cannot be read").splitlines()[0]


def _line(error: yaml.YAMLError) -> int:
    mark = getattr(error, "problem_mark", None)
    return 1 if mark is None else int(mark.line) + 1


def _entry(node: yaml.Node, path: Path, key_line: int = 0) -> Entry:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        return Entry(_mapping(node, path), line, key_line or line)
    if isinstance(node, yaml.SequenceNode):
        return Entry(tuple(_entry(one, path) for one in node.value), line, key_line or line)
    return Entry(_scalar(node, path, line), line, key_line or line)


def _mapping(node: yaml.MappingNode, path: Path) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise OperatorError("a key must be a plain word", where=f"{path}:{line}")
        if key.value in entries:
            raise OperatorError(f"`{key.value}` stands twice", where=f"{path}:{line}")
        entries[key.value] = _entry(value, path, line)
    return entries


def _scalar(node: yaml.Node, path: Path, line: int) -> bool | int | float | str | None:
    try:
        value = yaml.constructor.SafeConstructor().construct_object(node)
    except (yaml.YAMLError, ValueError) as error:
        raise OperatorError(
            f"this value cannot be read: {str(error).splitlines()[0]}", where=f"{path}:{line}"
        ) from None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(node.value)
