"""A second look at what a query reads, whatever the guard said: the engine has tables of its own."""

from __future__ import annotations

from collections.abc import Iterable

from soc_analyst.state.queries import Diagnostic
from soc_analyst.tools.kql import EngineRefusal, parse
from soc_analyst.tools.kql.tree import Node, Query, Table
from soc_analyst.tools.kql.walking import walk

__all__ = ["require_known_tables"]


def require_known_tables(kql: str, tables: Iterable[str]) -> None:
    """Raise EngineRefusal where a text reads anything but these tables, and what it binds from them itself.

    Names are compared with their case, as Kusto does and the engine does not.
    """
    parsed = parse(kql, max_text=10 * len(kql) + 1)
    if parsed.tree is None:
        raise EngineRefusal(parsed.diagnostics[0])
    known = set(tables)
    for node, binds in _parts(parsed.tree):
        for found in walk(node):
            if isinstance(found, Table) and found.name not in known:
                raise EngineRefusal(
                    Diagnostic(
                        code="unknown-table",
                        message=f"`{found.name[:80]}` is not a table of this workspace",
                        start=found.span.start,
                        length=found.span.length,
                    )
                )
        known.add(binds)


def _parts(query: Query) -> Iterable[tuple[Node, str]]:
    """Return each part of a query with the name it binds, in order: a name is known only to the parts after it."""
    yield from ((let.value, let.name) for let in query.lets)
    yield query.body, ""
