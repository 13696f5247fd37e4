"""What to do about a workspace that cannot be asked: the commands, said in one place for all who tell them."""

from __future__ import annotations

import re

__all__ = ["CLOCK", "FIND_ID", "GRANT", "OTHER_CLOUD", "TAKES_NO_TOKEN", "find_id", "grant", "other_tenant"]

LIST = "az monitor log-analytics workspace list"
FIND_ID = f'Those that you may see: `{LIST} --query "[].{{name: name, id: customerId}}" -o table`'
GRANT = (
    "Ask an owner of the workspace for the role Log Analytics Reader on it; "
    "`soc-analyst doctor` prints the command for them."
)
TAKES_NO_TOKEN = (
    "Sign in anew, to the tenant of the workspace: `az login --tenant TENANT_ID`; check that the endpoint is of the "
    "same cloud."
)
OTHER_CLOUD = (
    "Check that the endpoint is of the cloud that you are signed in to: azure:WORKSPACE_ID@https://… or "
    "SOC_ANALYST_LOGS_ENDPOINT."
)
CLOCK = "Set this machine's clock: `timedatectl set-ntp true`, or Windows' own time service."
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{1,61}[A-Za-z0-9]\Z")
"""A workspace's name (Azure naming rules, Microsoft.OperationalInsights): safe inside quotes."""
_RESOURCE = re.compile(r"/subscriptions/[\w./()-]{1,400}/workspaces/[\w-]{1,63}\Z", re.IGNORECASE)


def grant(workspace: str, principal: str | None) -> str:
    """Return how an owner gives the one role that is needed, to whom and on what."""
    assignee = principal or "OBJECT_ID"
    scope = f"$({LIST} --query \"[?customerId=='{workspace}'].id\" -o tsv)"
    command = f'az role assignment create --assignee {assignee} --role "Log Analytics Reader" --scope "{scope}"'
    return f"An owner of the workspace gives the role Log Analytics Reader, which only reads: `{command}`"


def find_id(given: str) -> str:
    """Return how to get the id of a workspace, given what was taken for one."""
    if _RESOURCE.match(given):
        return f"ask for its id: `az monitor log-analytics workspace show --ids {given} --query customerId -o tsv`"
    if _NAME.match(given):
        return f"ask for the id of the one of that name: `{LIST} --query \"[?name=='{given}'].customerId\" -o tsv`"
    return "take the Workspace ID (a GUID) from the workspace's overview in the Azure portal, not its name"


def other_tenant(own: str, wanted: str) -> tuple[str, str]:
    """Say that a token is of another tenant than the workspace, and what to do."""
    return (
        f"the token is of tenant {own}, the workspace belongs to tenant {wanted}",
        f"Sign in there: `az login --tenant {wanted}`, or set AZURE_TENANT_ID={wanted}.",
    )
