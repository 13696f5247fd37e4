"""An analyst's own KQL under the same guard as the investigation's, for programs and notebooks."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
from pydantic import ValidationError

from soc_analyst.state.errors import OperatorError

from ..bridging import outside_loop
from ..context import Context
from .answer import Answer
from .own_kql import queried

__all__ = ["aquery", "query"]

Moment = datetime | str


def query(
    kql: str, *, context: Context | None = None, since: Moment | None = None, until: Moment | None = None
) -> Answer:
    """Pass a KQL text through the guard and run it; also where an event loop is already running, as in notebooks."""
    return outside_loop(lambda: aquery(kql, context=context, since=since, until=until))


async def aquery(
    kql: str, *, context: Context | None = None, since: Moment | None = None, until: Moment | None = None
) -> Answer:
    """Pass a KQL text through the guard and run it over a window: that of the context, unless one is given here.

    Without any it is the longest that policy allows, up to the workspace's clock. Refused is a value; raise
    UnreachableError where the workspace cannot answer.
    """
    came = await queried(kql, _within(context or Context(), since, until))
    if came.result is None or came.query is None:
        return Answer(False, pa.table({}), diagnostics=came.faults)
    diagnostics = (*came.verdict.diagnostics, *came.result.diagnostics)
    return Answer(True, came.result.rows, came.query.kql, came.result.truncated, diagnostics)


def _within(context: Context, since: Moment | None, until: Moment | None) -> Context:
    given = {name: value for name, value in (("since", since), ("until", until)) if value is not None}
    if not given:
        return context
    try:
        return Context.model_validate({**context.model_dump(exclude_unset=True), **given})
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise OperatorError(
            f"{given.get(name)!r} is no ISO 8601 time, such as 2026-03-04T14:00:00Z", where=name
        ) from None
