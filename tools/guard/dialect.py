"""The functions that a query may use, read once from dialect.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

__all__ = ["Dialect", "Form", "Signature", "Syntax", "dialect"]

_ARGUMENT = re.compile(r"(\()?((?:const |literal |column )?[a-z_]+)(\))?(\?|\.\.\.)?\Z")

_SHOWN = {
    "text": "string",
    "json": "string",
    "summable": "number",
    **dict.fromkeys(("plain", "exact", "common", "choice", "ordered"), "any"),
}
"""Words of signatures as hints show them; what else they ask is said where it is missing."""


@dataclass(frozen=True)
class Form:
    """One way to call a function: what it takes and gives; some arguments in a row may be repeated."""

    takes: tuple[str, ...]
    gives: str
    required: int
    repeated: range = range(0)

    def wanted(self, count: int) -> tuple[str, ...] | None:
        """Return what each of so many arguments must be, or None where there cannot be so many."""
        more, round_ = count - len(self.takes), len(self.repeated)
        if more > 0 and round_ and more % round_ == 0:
            before, after = self.takes[: self.repeated.stop], self.takes[self.repeated.stop :]
            return before + self.takes[self.repeated.start : self.repeated.stop] * (more // round_) + after
        return self.takes[:count] if self.required <= count <= len(self.takes) else None

    @property
    def shown(self) -> str:
        """Return the arguments as a hint shows them: `(string, long, [long])`."""
        words = [_shown(word) for word in self.takes]
        parts = [word if at < self.required else f"[{word}]" for at, word in enumerate(words)]
        parts[self.repeated.stop : self.repeated.stop] = ["..."] * bool(self.repeated)
        return f"({', '.join(parts)})"


@dataclass(frozen=True)
class Signature:
    """The ways to call a function."""

    forms: tuple[Form, ...]

    @property
    def shown(self) -> str:
        """Return the ways to call it as a hint shows them."""
        return " or ".join(form.shown for form in self.forms)

    def taking(self, count: int) -> tuple[Form, ...]:
        """Return the forms that so many arguments can be given to."""
        return tuple(form for form in self.forms if form.wanted(count) is not None)


@dataclass(frozen=True)
class Syntax:
    """The kinds of node, operator, literal and join that a query may consist of."""

    nodes: frozenset[str]
    operators: frozenset[str]
    literals: frozenset[str]
    joins: frozenset[str]


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
    choices: Mapping[str, tuple[str, ...]]
    """Texts that stand where only some have a meaning, by the word for them in a signature."""
    syntax: Syntax


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
        {word: tuple(texts) for word, texts in read["choices"].items()},
        Syntax(**{kind: frozenset(names) for kind, names in read["syntax"].items()}),
    )


def _shown(word: str) -> str:
    how, _, bare = word.rpartition(" ")
    if how == "column":
        return "column"
    return _SHOWN.get(bare, bare) if bare not in dialect().choices else "string"


def _signature(text: str) -> Signature:
    return Signature(tuple(_form(one.strip()) for one in text.split(" | ")))


def _form(text: str) -> Form:
    before, _, gives = text.partition("->")
    matches = [_ARGUMENT.match(part.strip()) for part in before.split(",") if part.strip()]
    arguments = [match for match in matches if match]
    if len(arguments) != len(matches):
        raise ValueError(f"not a signature: {text}")
    ends = [at for at, match in enumerate(arguments) if match[4] == "..."]
    starts = [at for at, match in enumerate(arguments) if match[1]] or ends
    repeated = range(starts[0], ends[0] + 1) if ends else range(0)
    required = sum(match[4] != "?" for match in arguments)
    return Form(tuple(match[2] for match in arguments), gives.strip(), required, repeated)
