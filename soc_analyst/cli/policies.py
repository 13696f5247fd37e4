"""`policy`: the policy in force, each value with where it came from."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from soc_analyst.graph.context import Context

from .options import with_context

if TYPE_CHECKING:
    from soc_analyst.tools.guard import Policy

__all__ = ["EXAMPLES", "policy"]

WIDTH = 80
EXAMPLES = """\b
Examples:
  soc-analyst policy > own.yaml          a whole policy to begin with
  soc-analyst policy --policy own.yaml   all that is wrong with a file, else what it gives
"""


class _Value(NamedTuple):
    key: str
    value: Any
    origin: str
    parts: dict[str, str] | None = None
    """Where the parts of a table came from, apart from the table itself."""


@with_context("policy")
def policy(context: Context, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> int:
    """Print the policy in force and where each value came from."""
    from soc_analyst.graph.desk.desk import policy_for

    found = policy_for(context)
    if as_json:
        values = {one.key: _as_json(one) for one in _values(found)}
        sys.stdout.write(json.dumps({"hash": found.hash, "values": values}, ensure_ascii=True) + "\n")
        return 0
    sys.stdout.write(f"# policy {found.hash}\n")
    opened = ""
    for one in _values(found):
        group, dot, name = one.key.partition(".")
        if dot and group != opened:
            sys.stdout.write(f"{group}:\n")
        opened = group
        sys.stdout.writelines(_lines(name if dot else group, one, 2 if dot else 0))
    return 0


def _values(policy: Policy) -> Iterator[_Value]:
    """Yield the values by dotted key, a table's columns and what holds for it alone in one."""
    content = policy.model_dump(mode="json", exclude={"origins", "of_table", "tables"})
    for key, value in content.items():
        if isinstance(value, dict):
            yield from (_value(policy, f"{key}.{name}", one) for name, one in value.items())
        else:
            yield _value(policy, key, value)
    for table, columns in policy.tables.items():
        own = policy.of_table[table].model_dump(mode="json") if table in policy.of_table else {}
        content = {"columns": columns, **{part: one for part, one in own.items() if one}}
        prefix = f"tables.{table}."
        parts = {key.removeprefix(prefix): at for key, at in policy.origins.items() if key.startswith(prefix)}
        yield _value(policy, f"tables.{table}", content)._replace(parts=parts)


def _as_json(one: _Value) -> dict[str, Any]:
    plain = {"value": one.value, "origin": one.origin}
    return {**plain, "parts": one.parts} if one.parts else plain


def _value(policy: Policy, key: str, value: Any) -> _Value:
    return _Value(key, value, policy.origins.get(key, "default"))


def _lines(name: str, one: _Value, indent: int) -> Iterator[str]:
    """Yield the YAML of a value within 80 columns; an origin that is too long stands above."""
    from soc_analyst.tools.records.safe_text import printable

    space, origin = " " * indent, f"# {printable(one.origin)}"
    text = f"{space}{name}:" if isinstance(one.value, dict) else f"{space}{name}: {_flow(one.value)}"
    if len(text) <= WIDTH:
        fits = max(len(text), 34) + 2 + len(origin) <= WIDTH
        yield f"{text:<34}  {origin}\n" if fits else f"{space}{origin}\n{text}\n"
    else:
        yield (
            f"{space}{name}:  {origin}\n"
            if len(name) + len(origin) + 7 <= WIDTH
            else f"{space}{origin}\n{space}{name}:\n"
        )
        yield from _wrapped(_flow(one.value), indent + 2)
    for key, value in one.value.items() if isinstance(one.value, dict) else ():
        yield from _part(key, value, (one.parts or {}).get(key), indent + 2)


def _part(key: str, value: Any, origin: str | None, indent: int) -> Iterator[str]:
    """Yield the YAML of a part of a table, below its origin where it has one of its own."""
    from soc_analyst.tools.records.safe_text import printable

    space = " " * indent
    if origin:
        yield f"{space}# {printable(origin)}\n"
    if len(f"{space}{key}: {_flow(value)}") <= WIDTH:
        yield f"{space}{key}: {_flow(value)}\n"
    else:
        yield f"{space}{key}:\n"
        yield from _wrapped(_flow(value), indent + 2)


def _wrapped(text: str, indent: int) -> Iterator[str]:
    space = " " * indent
    for line in textwrap.wrap(text, WIDTH - indent, break_long_words=False, break_on_hyphens=False):
        yield f"{space}{line}\n"


def _flow(value: Any) -> str:
    """Return a value as YAML on one line; JSON's strings are YAML's, and plain words need no quotes."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(_flow(one) for one in value)}]"
    plain = isinstance(value, str) and value.replace("_", "a").isalnum() and value[0].isalpha() and value.isascii()
    return str(value) if plain and value not in WORDS else json.dumps(value)


WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "True", "False", "Null", "default"})
"""Words that YAML takes for something else."""
