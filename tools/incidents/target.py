"""Where an incident goes: a workspace as Azure Resource Manager names it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.endpoints import parse_endpoint

__all__ = ["PUBLIC", "Target", "is_workspace_id", "management_endpoint", "parse_target"]

PUBLIC = "https://management.azure.com"
"""Azure Resource Manager of the public cloud."""
_CLOUDS: Mapping[str, str] = {
    "https://api.loganalytics.us": "https://management.usgovcloudapi.net",
    "https://api.loganalytics.azure.cn": "https://management.chinacloudapi.cn",
}
"""Azure Resource Manager of other clouds, by their Log Analytics."""
OPTION = "--incident-workspace"
FORM = "/subscriptions/GUID/resourceGroups/GROUP/providers/Microsoft.OperationalInsights/workspaces/NAME"
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ID = re.compile(
    rf"/subscriptions/(?P<subscription>{_GUID.pattern})"
    r"/resourceGroups/(?P<group>[\w().-]{0,89}[\w()-])"
    r"/providers/Microsoft\.OperationalInsights"
    r"/workspaces/(?P<name>[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9])/?",
    re.IGNORECASE,
)
"""The rules for names of resource groups and Log Analytics workspaces are those of Azure Resource Manager."""
_OURS = uuid.UUID("6f6f6b1c-3c7e-5d0a-9b55-7a1f2f0e9c41")
"""The namespace of the ids that are derived here. It must never change: by it a second run finds the first."""


@dataclass(frozen=True)
class Target:
    """A Log Analytics workspace with Microsoft Sentinel, and the Azure Resource Manager that knows it."""

    subscription: str
    group: str
    name: str
    endpoint: str = PUBLIC

    @property
    def resource(self) -> str:
        """Return the resource's id."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"
            f"/providers/Microsoft.OperationalInsights/workspaces/{self.name}"
        )

    def incident(self, name: str) -> str:
        """Return the path of an incident."""
        return f"{quote(self.resource, safe='/()')}/providers/Microsoft.SecurityInsights/incidents/{name}"

    def comment(self, incident: str, name: str) -> str:
        """Return the path of a comment on an incident."""
        return f"{self.incident(incident)}/comments/{name}"

    def derived(self, kind: str, finding_id: str) -> str:
        """Return the GUID that a finding's incident or comment has in this workspace, today and at any other time.

        Azure takes resource ids in any case, so that case makes no difference here.
        """
        return str(uuid.uuid5(_OURS, f"{kind}\n{self.resource.lower()}\n{finding_id}"))


def parse_target(text: str, *, endpoint: str = PUBLIC, where: str = OPTION) -> Target:
    """Return the workspace that a resource id names; raise OperatorError in one line."""
    found = _ID.fullmatch(text.strip())
    if found is None:
        raise OperatorError(
            f"{text[:120]!r} is no workspace; write its resource id, {FORM} (JSON view of its overview in the "
            "Azure portal), or its Workspace ID",
            where=where,
        )
    return Target(found["subscription"].lower(), found["group"], found["name"], endpoint)


def is_workspace_id(text: str) -> bool:
    """Return whether a text is the GUID that Log Analytics knows a workspace by."""
    return _GUID.fullmatch(text.strip()) is not None


def management_endpoint(text: str | None, *, logs: str = "") -> str:
    """Return the endpoint that a setting names, else that of the cloud whose logs were asked."""
    if text:
        return parse_endpoint(text, where="SOC_ANALYST_MANAGEMENT_ENDPOINT", example=PUBLIC)
    return _CLOUDS.get(logs, PUBLIC)
