"""The word lists of this room, read from its YAML files on first use."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

__all__ = ["alternatives", "vocabulary"]


@cache
def vocabulary(name: str) -> dict[str, Any]:
    """Return one word list file, such as `times`, as plain data."""
    text = files("soc_analyst.tools.reading").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    data: dict[str, Any] = yaml.load(text, Loader=loader)
    return data


def alternatives(words: Iterable[str]) -> str:
    """Return a regex group of words, longest first, a blank in a word standing for any white space."""
    ordered = sorted(words, key=len, reverse=True)
    return "(?:" + "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in ordered) + ")"
