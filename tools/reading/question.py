"""From a question in plain words to what an investigation needs of it."""

from __future__ import annotations

from datetime import datetime, timedelta

from soc_analyst.state.entities import Reading, TimeWindow

__all__ = ["read_question"]


def read_question(
    text: str,
    *,
    now: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
    default_days: float = 14,
) -> Reading:
    """Read the window, the entities and the topics of a question.

    `now` is the investigation's clock; `since` and `until` win over what the question says. Raises OperatorError for
    a question or a time that cannot be worked with.
    """
    end = until or now
    start = since or end - timedelta(days=default_days)
    return Reading(window=TimeWindow(start=start, end=end, basis="option" if since or until else "assumed"))
