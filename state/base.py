"""The one base of all values in a case."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

__all__ = ["UtcTime", "Value"]


def _as_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


UtcTime = Annotated[datetime, AfterValidator(_as_utc)]
"""An instant in UTC; a naive one is read as UTC."""


class Value(BaseModel):
    """A frozen value that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def model_construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Self:  # type: ignore[override]
        """Return a value of what an earlier or later version wrote: fields that are unknown here are left out.

        A serializer of LangGraph, a host's own too, calls this where the plain constructor refuses. What does not fit
        otherwise is left as it is, and `graph.checkpoints.reading` says so before a node works with it.
        """
        try:
            return cls.model_validate(values, extra="ignore")
        except ValidationError:
            return super().model_construct(_fields_set, **values)
