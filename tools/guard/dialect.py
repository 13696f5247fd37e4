"""The functions that a query may use, read once from dialect.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

__all__ = ["Dialect", "Signature", "dialect"]

_ARGUMENT = re.compile(r"([a-z]+)(\?|\.\.\.)?\Z")


@dataclass(frozen=True)
class Signature:
    """What a function takes and gives; the last argument may be repeated."""

    takes: tuple[str, ...]
    gives: str
    required: int
    repeated: bool = False

    def takes_at(self, position: int) -> str:
        """Return the type wanted at a position."""
        return self.takes[min(position, len(self.takes) - 1)]

    @property
    def shown(self) -> str:
        """Return the arguments as a hint shows them: `(string, long, [long])`."""
        parts = [kind if at < self.required else f"[{kind}]" for at, kind in enumerate(self.takes)]
        return f"({', '.join([*parts, *(['...'] if self.repeated else [])])})"

    def accepts(self, count: int) -> bool:
        """Return whether so many arguments can be given."""
        return self.required <= count and (self.repeated or count <= len(self.takes))


@dataclass(frozen=True)
class Dialect:
    """Scalar functions, aggregates, old spellings, and why well-known functions are refused.

    `azure_only` names those among the functions and aggregates that the embedded engine lacks.
    """

    functions: Mapping[str, Signature]
    aggregates: Mapping[str, Signature]
    spellings: Mapping[str, str]
    refused: Mapping[str, str]
    rows: Mapping[str, Signature]
    """Functions of neighbouring rows."""
    azure_only: frozenset[str]


@lru_cache(maxsize=1)
def dialect() -> Dialect:
    """Return the dialect of this package."""
    read = yaml.safe_load(Path(__file__).with_name("dialect.yaml").read_text(encoding="utf-8"))
    beyond = read["azure_only"]
    functions, aggregates = ({**read[kind], **beyond[kind]} for kind in ("functions", "aggregates"))
    return Dialect(
        {name: _signature(text) for name, text in functions.items()},
        {name: _signature(text) for name, text in aggregates.items()},
        read["spellings"],
        read["refused"],
        {name: _signature(text) for name, text in read["rows"].items()},
        frozenset({*beyond["functions"], *beyond["aggregates"]}),
    )


def _signature(text: str) -> Signature:
    before, _, gives = text.partition("->")
    matches = [_ARGUMENT.match(part.strip()) for part in before.split(",") if part.strip()]
    arguments = [(match[1], match[2]) for match in matches if match]
    if len(arguments) != len(matches):
        raise ValueError(f"not a signature: {text}")
    required = sum(mark != "?" for _, mark in arguments)
    return Signature(
        tuple(kind for kind, _ in arguments), gives.strip(), required, bool(arguments) and arguments[-1][1] == "..."
    )
