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


def compile_file(content: bytes) -> dict[str, Any]:
    """Return `rules` as the fields of CompiledRule, `faults` as (line, message), and `unsupported` as reasons."""
    found: dict[str, Any] = {"rules": [], "faults": [], "unsupported": []}
    try:
        text = content.decode("utf-8")
        for document in _documents(text):
            found["rules"].extend(_rules(document))
    except Unsupported as reason:
        found["unsupported"].append(str(reason))
    except UnicodeDecodeError as error:
        found["faults"].append((content.count(b"\n", 0, error.start) + 1, "not UTF-8 text"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        found["faults"].append((mark.line + 1 if mark else 1, f"not YAML: {problem}"))
    # pySigma tells most faults by SigmaError, and some shapes only by tripping over them.
    except (SigmaError, ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        found["faults"].append((_line(text, error), f"not a Sigma rule: {_told(error)}"))
    return found


def _documents(text: str) -> Iterator[Mapping[str, Any]]:
    for document in yaml.load_all(text, Loader=LOADER):
        if document is None:
            continue
        if not isinstance(document, dict):
            raise ValueError("the document is not a mapping")
        check_alias_expansion(document)
        yield document


def _rules(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for kind in ("filter", "action"):
        if kind in document:
            raise Unsupported(f"{kind} rule")
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
    logsource = {key: str(value) for key, value in document["logsource"].items()}
    return {**_told_of(document), "logsource": logsource, "tree": compile_rule(document)}


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


def _line(text: str, error: Exception) -> int:
    """Return the line that the message quotes, else that of the detection: pySigma keeps no lines."""
    quoted = [part for part in re.findall(r"['\"]([^'\"]{3,})['\"]", str(error)) if part in text]
    key = "condition:" if "condition" in str(error).lower() else "detection:"
    at = text.find(quoted[0] if quoted else key)
    return text.count("\n", 0, at) + 1 if at >= 0 else 1
