"""Putting the company's days and its incidents together."""

from __future__ import annotations

from . import incidents_cloud as cloud
from . import incidents_endpoint as endpoint
from . import incidents_identity as identity
from . import incidents_server as server
from .daily_cloud import stock_cloud
from .daily_endpoint import stock_endpoints
from .stock import Stock
from .tenant import tenant
from .truth import TruthEntry

__all__ = ["compose"]

_STORIES = (
    endpoint.encoded_powershell, identity.consent_after_fatigue, identity.password_spray, cloud.web_shell,
    cloud.azure_takeover, server.credential_dumping, server.lateral_movement, server.ransomware, cloud.data_to_cloud_storage,
)  # fmt: skip


def compose(rows: int, seed: int) -> tuple[Stock, tuple[TruthEntry, ...]]:
    """Return all there is to write for a workspace of `rows` rows, and the truth about what is planted."""
    stock, company = Stock(), tenant()
    stock_endpoints(stock, company)
    stock_cloud(stock, company)
    return stock, tuple(tell(stock, company).entry for tell in _STORIES)
