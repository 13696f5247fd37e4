"""Putting the company's days and its incidents together."""

from __future__ import annotations

from . import incidents_cloud as cloud
from . import incidents_endpoint as endpoint
from . import incidents_identity as identity
from . import incidents_server as server
from . import lookalikes_cloud as harmless_cloud
from . import lookalikes_endpoint as harmless
from .calendar import END
from .cloud_rows import flow_row
from .daily_cloud import stock_cloud
from .daily_endpoint import stock_endpoints
from .stock import Stock
from .tenant import tenant
from .truth import TruthEntry

__all__ = ["compose"]

_STORIES = (
    endpoint.encoded_powershell,
    identity.consent_after_fatigue,
    identity.password_spray,
    cloud.web_shell,
    cloud.azure_takeover,
    cloud.data_to_cloud_storage,
    server.credential_dumping,
    server.lateral_movement,
    server.ransomware,
    harmless.agent_script,
    harmless.backup_lists_shadows,
    harmless.scheduled_scan,
    harmless.admin_psexec,
    harmless.application_dump,
    harmless.web_deployment,
    harmless.file_migration,
    harmless.minor_alerts,
    harmless_cloud.travelling_user,
    harmless_cloud.forgotten_password,
    harmless_cloud.admin_consent,
    harmless_cloud.change_window,
)


def compose() -> tuple[Stock, tuple[TruthEntry, ...]]:
    """Return all there is to write and the truth about what is planted."""
    stock, company = Stock(), tenant()
    stock_endpoints(stock, company)
    stock_cloud(stock, company)
    # The clock of a workspace is its newest event: here the same at every size.
    last = flow_row(
        company.hosts["web-02"], "20.189.173.4", 443, outbound=True, rule="DefaultRule_AllowInternetOutBound"
    )
    stock.plant("AzureNetworkAnalytics_CL", last, END)
    return stock, tuple(tell(stock, company).entry for tell in _STORIES)
