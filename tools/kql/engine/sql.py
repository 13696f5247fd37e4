"""Canonical text to SQL for the embedded engine; the only place that knows duckdb_kql."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from soc_analyst.state.queries import Diagnostic

from ..parser import parse
from ..render import render_for_engine
from ..tree import Name, Node, Pipeline, Project, Query, Span, Where
from ..trouble import diagnose
from .emptiness import empty_texts
from .lowering import NotMapped, translated, translated_text
from .parse_names import plain_pieces
from .parts import Lacking, Spare
from .rows import in_order

__all__ = ["EngineRefusal", "Sql", "to_sql"]

_CONSTRUCT = re.compile(r"unsupported KQL construct '([^'\n]{1,60})'")

_BEFORE_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


KEPT = 256
"""Translations that are kept."""


@dataclass(frozen=True)
class Sql:
    """A SQL text and the values for its placeholders, both for one `execute`."""

    text: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


class EngineRefusal(Exception):
    """The embedded engine cannot run a query that is otherwise right; `diagnostic` says what it lacks."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def to_sql(kql: str, schema: Mapping[str, Sequence[str]], now: datetime) -> Sql:
    """Translate canonical text to DuckDB SQL, with `now` for now() and ago().

    `schema` gives the columns of each table. Text that `parse` refuses never reaches the library. Raise EngineRefusal
    for what the engine lacks, whatever the library raised. The connection must have `TimeZone='UTC'`.
    """
    found = _translated(kql, tuple((table, tuple(columns)) for table, columns in schema.items()), now)
    return Sql(found.text, dict(found.parameters))


@lru_cache(maxsize=KEPT)
def _translated(kql: str, columns: tuple[tuple[str, tuple[str, ...]], ...], now: datetime) -> Sql:
    """Translate a text once: what one workspace is asked again, as by the next hunt of a server, is the same text."""
    schema = dict(columns)
    parsed = parse(kql, max_text=10 * len(kql) + 1)
    if parsed.tree is None:
        raise EngineRefusal(parsed.diagnostics[0])
    tree = empty_texts(_without_whole_views(parsed.tree, schema))
    try:
        spare = Spare(tree, (column for columns in schema.values() for column in columns))
        tree = in_order(plain_pieces(tree, spare), spare)
        try:
            return Sql(*translated(tree, schema, now))
        except NotMapped:
            with contextlib.redirect_stderr(io.StringIO()):
                return Sql(*translated_text(render_for_engine(tree), schema, now))
    except Lacking as lacking:
        message = f"the embedded engine has no {lacking.construct}"
        hint = "Azure runs it; here say it with summarize, sort and take"
        raise EngineRefusal(diagnose("engine-lacks", message, lacking.span, hint)) from None
    except Exception as error:  # noqa: BLE001 - the library raises outside its own errors too, and all of it is a refusal
        raise EngineRefusal(_explained(error)) from None


def _without_whole_views(query: Query, schema: Mapping[str, Sequence[str]]) -> Query:
    """Leave out a view's projection where it names every column the engine's table has.

    It selects nothing there, and the library's parser spends most of its time on such long lists of names.
    """
    return replace(query, lets=tuple(replace(let, value=_shortened(let.value, schema)) for let in query.lets))


def _shortened(value: Node, schema: Mapping[str, Sequence[str]]) -> Node:
    if not isinstance(value, Pipeline) or value.source is None or value.source.name not in schema:
        return value
    columns = set(schema[value.source.name])
    steps = value.steps
    if not steps or not isinstance(steps[-1], Project) or _plain_names(steps[-1]) != columns:
        return value
    rest = steps[:-1]
    return replace(value, steps=rest) if all(isinstance(step, Where) for step in rest) else value


def _plain_names(step: Project) -> set[str]:
    """Return the columns a projection keeps as they are, or nothing where it computes or renames."""
    names = [item.expr.name for item in step.items if item.name is None and isinstance(item.expr, Name)]
    return set(names) if len(names) == len(step.items) else set()


def _explained(error: Exception) -> Diagnostic:
    nowhere = Span(0, 0)
    if isinstance(error, RecursionError):
        return diagnose("engine-too-deep", "the query is nested too deeply for the embedded engine", nowhere)
    if found := _CONSTRUCT.search(str(error)):
        construct = _BEFORE_CAPITAL.sub("-", found[1].removesuffix("Operator")).lower().replace(":", " ")
        return diagnose("engine-lacks", f"the embedded engine has no {construct}", nowhere)
    reason = " ".join(str(error).split())[:200]
    return diagnose("engine-refused", f"the embedded engine cannot run this: {reason or type(error).__name__}", nowhere)
