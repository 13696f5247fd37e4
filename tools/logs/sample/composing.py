"""Putting the company's days and its incidents together."""

from __future__ import annotations

from . import incidents_endpoint as endpoint
from .daily_cloud import stock_cloud
from .daily_endpoint import stock_endpoints
from .stock import Stock
from .tenant import tenant
from .truth import TruthEntry

__all__ = ["compose"]

_STORIES = (endpoint.encoded_powershell,)


def compose(rows: int, seed: int) -> tuple[Stock, tuple[TruthEntry, ...]]:
    """Return all there is to write for a workspace of `rows` rows, and the truth about what is planted."""
    stock, company = Stock(), tenant()
    stock_endpoints(stock, company)
    stock_cloud(stock, company)
    return stock, tuple(tell(stock, company).entry for tell in _STORIES)
