"""Azure Log Analytics as a workspace; the only room that loads the Azure SDKs."""

from .workspace import AzureWorkspace, open_azure

__all__ = ["AzureWorkspace", "open_azure"]
