"""A rule file's text to its compiled rules, its faults with their lines, and what it holds that is not supported."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from sigma.exceptions import SigmaError
from sigma.rule.base import check_alias_expansion

from .compiling import compile_rule
from .relating import correlation_of, counted
from .tree import Unsupported

__all__ = ["compile_file"]

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
LEVELS = ("informational", "low", "medium", "high", "critical")
RETIRED = ("deprecated", "unsupported")
MAX_TEXTS = 50_000
WEIGHTS = {"|windash": 25, "|base64offset": 3}
"""Texts that one becomes by a modifier."""


def compile_file(content: bytes) -> dict[str, Any]:
    """Return `rules` as the fields of CompiledRule, `faults` as (line, message), and `unsupported` as reasons.

    A fault costs its own document; only what is no YAML ends the reading.
    """
    found: dict[str, Any] = {"rules": [], "faults": [], "unsupported": []}
    try:
        text = content.decode("utf-8-sig")
        for line, document in _documents(text, found["faults"]):
            if "action" in document:
                # It speaks of the documents after it, which mean nothing by themselves.
                found["unsupported"].append("action rule")
                break
            _take(document, text, line, found)
    except UnicodeDecodeError as error:
        found["faults"].append((content.count(b"\n", 0, error.start) + 1, "not UTF-8 text"))
    except (yaml.YAMLError, RecursionError) as error:
        found["faults"].append(_unread(error, 1))
    return found


def _documents(text: str, faults: list[tuple[int, str]]) -> Iterator[tuple[int, Any]]:
    """Yield the mappings of a text with their lines; what stands between them goes to the faults."""
    loader = LOADER(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            line = node.start_mark.line + 1
            try:
                document = loader.construct_document(node)
                check_alias_expansion(document)
            except (yaml.YAMLError, SigmaError, ValueError, TypeError, OverflowError) as error:
                faults.append(_unread(error, line))
                continue
            if isinstance(document, dict):
                yield line, document
            elif document is not None:
                faults.append((line, "not a Sigma rule: the document is not a mapping"))
    finally:
        loader.dispose()


def _unread(error: Exception, line: int) -> tuple[int, str]:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or _told(error)
    return mark.line + 1 if mark else line, f"not YAML: {problem}"


def _take(document: Mapping[str, Any], text: str, line: int, found: dict[str, Any]) -> None:
    """Compile one document into what was found."""
    try:
        rules = list(_rules(document))
    except Unsupported as reason:
        found["unsupported"].append(str(reason))
    # pySigma tells most faults by SigmaError, and some shapes only by tripping over them.
    except (SigmaError, ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        found["faults"].append((_line(text, line, error), f"not a Sigma rule: {_told(error)}"))
    else:
        at = _place(text, line, str(document.get("id")))
        found["rules"].extend({**rule, "line": at} for rule in rules)


def _rules(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if "filter" in document:
        raise Unsupported("filter rule")
    if document.get("status") in RETIRED:
        raise Unsupported(f"status {document['status']}")
    if "correlation" in document:
        _has(document, "title", "id")
        yield {**_told_of(document), "logsource": {}, "tree": ["and", []], "correlation": correlation_of(document)}
        return
    _has(document, "title", "id", "logsource", "detection")
    split = counted(document)
    if split is None:
        yield _plain(document)
        return
    rows, correlation = split
    yield {**_plain(rows), "id": correlation["rules"][0], "name": ""}
    yield {**_told_of(document), "logsource": {}, "tree": ["and", []], "correlation": correlation}


def _has(document: Mapping[str, Any], *keys: str) -> None:
    missing = [key for key in keys if key not in document]
    if missing:
        raise ValueError(f"{', '.join(missing)} missing")


def _plain(document: Mapping[str, Any]) -> dict[str, Any]:
    for key in ("logsource", "detection"):
        if not isinstance(document[key], dict):
            raise ValueError(f"{key}: is not a mapping")
    if _weight(document["detection"]) > MAX_TEXTS:
        raise Unsupported(f"more than {MAX_TEXTS} texts in one rule")
    logsource = {key: str(value) for key, value in document["logsource"].items()}
    return {**_told_of(document), "logsource": logsource, "tree": compile_rule(document)}


def _weight(value: Any, each: int = 1) -> int:
    """Return about how many texts a detection comes to."""
    if isinstance(value, dict):
        return sum(
            _weight(inner, max([each, *(n for name, n in WEIGHTS.items() if name in str(key))]))
            for key, inner in value.items()
        )
    return sum(_weight(inner, each) for inner in value) if isinstance(value, list) else each


def _told_of(document: Mapping[str, Any]) -> dict[str, Any]:
    level = str(document.get("level", "medium")).lower()
    return {
        "id": str(document["id"]),
        "title": str(document["title"]),
        "level": level if level in LEVELS else "medium",
        "description": " ".join(str(document.get("description") or "").split()),
        "author": str(document.get("author") or ""),
        "license": str(document.get("license") or ""),
        "tags": _texts(document.get("tags")),
        "false_positives": _texts(document.get("falsepositives")),
        "references": _texts(document.get("references")),
        "name": str(document.get("name") or ""),
    }


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [] if value is None else [str(value)]


def _told(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _line(text: str, first: int, error: Exception) -> int:
    """Return the line that the message quotes, else that of the detection: pySigma keeps no lines."""
    quoted = re.findall(r"['\"]([^'\"]{3,})['\"]", str(error))
    key = "condition:" if "condition" in str(error).lower() else "detection:"
    # A word that the message quotes may stand in the title too.
    start = _place(text, first, "detection:", "correlation:")
    return _place(text, start, *quoted, key)


def _place(text: str, first: int, *wanted: str) -> int:
    """Return the line of the first of these that stands in the document that begins at line `first`, or that line."""
    lines = text.split("\n")[first - 1 :]
    last = next((at for at, line in enumerate(lines) if at and line.startswith("---")), len(lines))
    found = (at for each in wanted for at, line in enumerate(lines[:last]) if each in line)
    return first + next(found, 0)
