"""From the Workspace ID that Log Analytics knows to the resource that Azure Resource Manager knows."""

from __future__ import annotations

import json

from azure.core.exceptions import AzureError

from soc_analyst.state.errors import OperatorError, UnreachableError

from .manager import ResourceManager
from .target import OPTION, Target, parse_target
from .troubles import of_exception

__all__ = ["resolved"]

PATH = "/providers/Microsoft.ResourceGraph/resources"
API_VERSION = "2022-10-01"
"""A stable version of Azure Resource Graph, which looks through all subscriptions that the credential may read."""


def resolved(manager: ResourceManager, workspace_id: str, *, endpoint: str) -> Target:
    """Return the one workspace of an id; raise in one line where there is none that may be read, or no answer."""
    query = (
        "resources | where type =~ 'microsoft.operationalinsights/workspaces' "
        f"| where tostring(properties.customerId) =~ '{workspace_id.strip().lower()}' | project id"
    )
    try:
        answer = manager.ask(PATH, API_VERSION, json.dumps({"query": query}).encode())
    except AzureError as error:
        raise of_exception(error).as_error() from error
    found = answer.body.get("data")
    if answer.status != 200 or not isinstance(found, list):
        raise UnreachableError(
            f"Azure Resource Graph did not tell where workspace {workspace_id} is (status {answer.status}); "
            f"give its resource id with {OPTION}"
        )
    ids = {str(one["id"]) for one in found if isinstance(one, dict) and "id" in one}
    if len(ids) != 1:
        raise OperatorError(
            f"{len(ids) or 'no'} workspaces that this credential may read have the Workspace ID {workspace_id}; "
            f"give the resource id, or ask for the role Log Analytics Reader",
            where=OPTION,
        )
    return parse_target(ids.pop(), endpoint=endpoint)
