"""A Log Analytics service on this machine, for tests: the real client posts KQL to it and gets the service's own JSON.

>>> with LogAnalyticsService({"11111111-…": folder}, home=tmp) as service:
...     report = hunt(question, context=Context(workspace=f"azure:11111111-…@{service.url}"))
"""

from .engine import Tenant
from .faults import Fault, Kind
from .identity import unsigned_token
from .server import LogAnalyticsService, Posted

__all__ = ["Fault", "Kind", "LogAnalyticsService", "Posted", "Tenant", "unsigned_token"]
