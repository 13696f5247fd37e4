"""Microsoft Sentinel behind Azure Resource Manager on this machine, for tests: the real pipeline puts incidents to it.

>>> with SentinelService({resource_id: SentinelWorkspace("22222222-…")}) as service:
...     os.environ.update(service.environment)
...     run(["report", "case-7", "--create-incident", "--incident-workspace", resource_id, "--yes", sha256])
"""

from .faults import Fault, Kind
from .server import Sent, SentinelService
from .store import SentinelWorkspace

__all__ = ["Fault", "Kind", "Sent", "SentinelService", "SentinelWorkspace"]
