"""Rows of AzureActivity and of the flow logs of network security groups."""

from __future__ import annotations

import json
from typing import Any

from .tenant import SUBSCRIPTION, Account, Host, guid

__all__ = ["activity_row", "flow_row", "group_of"]

Row = dict[str, Any]


def group_of(host: Host) -> str:
    """Return the resource group of a virtual machine."""
    return "rg-web" if host.role == "web" else "rg-backup" if host.role == "backup" else "rg-apps"


def activity_row(
    caller: Account | str,
    address: str,
    operation: str,
    group: str,
    resource: str,
    *,
    status: str = "Success",
    body: Row | None = None,
) -> Row:
    """Return a control plane operation.

    `operation` is written as Azure names it (`Microsoft.Network/networkSecurityGroups/securityRules/write`);
    `resource` is what follows the group in the resource id. Identifiers and times stay open.
    """
    provider = operation.split("/")[0]
    inside = f"/resourceGroups/{group}" if group else ""
    path = f"/subscriptions/{SUBSCRIPTION}{inside}/providers/{resource}"
    name = caller if isinstance(caller, str) else caller.upn
    authorization = json.dumps({"action": operation, "scope": path})
    properties = {"eventCategory": "Administrative", "entity": path, "message": operation, "hierarchy": SUBSCRIPTION}
    claims = json.dumps({"ipaddr": address, "name": name, "appid": "c44b4083-3bb0-49c1-b47d-974e53cbdf3c"})
    text = json.dumps(properties | ({"requestbody": json.dumps(body)} if body else {}))
    return {
        "ActivityStatus": status,
        "ActivityStatusValue": status,
        "ActivitySubstatusValue": "OK" if status == "Success" else "Forbidden",
        "Authorization": authorization,
        "Authorization_d": authorization,
        "Caller": name,
        "CallerIpAddress": address,
        "Category": "Administrative",
        "CategoryValue": "Administrative",
        "Claims": claims,
        "Claims_d": claims,
        "HTTPRequest": json.dumps(
            {"clientIpAddress": address, "method": "PUT" if operation.endswith("write") else "POST"}
        ),
        "Hierarchy": SUBSCRIPTION,
        "Level": "Informational" if status == "Success" else "Error",
        "OperationName": operation,
        "OperationNameValue": operation.upper(),
        "Properties": text,
        "Properties_d": text,
        "Resource": resource.rsplit("/", 1)[-1],
        "ResourceGroup": group.upper(),
        "ResourceId": path,
        "ResourceProvider": provider,
        "ResourceProviderValue": provider.upper(),
        "SubscriptionId": SUBSCRIPTION,
        "_ResourceId": path.lower(),
        "_SubscriptionId": SUBSCRIPTION,
    }


def flow_row(
    host: Host,
    other: str,
    port: int,
    *,
    outbound: bool,
    rule: str,
    allowed: bool = True,
    public: bool = True,
    protocol: str = "T",
    flows: int = 1,
    sent: float | None = None,
) -> Row:
    """Return flows between a virtual machine and an address, as Traffic Analytics sums them up; `sent` is in bytes."""
    vm, subnet = f"{group_of(host)}/{host.name}", f"vnet-prod/snet-{host.role}"
    nsg = f"{SUBSCRIPTION}/{group_of(host)}/nsg-{host.role}"
    kind = "UnknownPrivate" if not public else "ExternalPublic"
    denied: Row = {"InboundBytes_d": 0.0, "OutboundBytes_d": 0.0, "InboundPackets_d": 0.0, "OutboundPackets_d": 0.0}
    counts = {
        f"{'Allowed' if state else 'Denied'}{'Out' if way else 'In'}Flows_d": float(flows)
        if (state, way) == (allowed, outbound)
        else 0.0
        for state in (True, False)
        for way in (True, False)
    }
    volume: Row = {"OutboundBytes_d": sent, "OutboundPackets_d": sent // 1400} if sent else {}
    return {
        **(volume if allowed else denied),
        **counts,
        "SubType_s": "FlowLog",
        "FASchemaVersion_s": "2",
        "AzureRegion_s": "westeurope",
        "Region_s": "westeurope",
        "Country_s": None,
        "CompletedFlows_d": float(flows) if allowed else 0.0,
        "DestIP_s": other if outbound else host.address,
        "SrcIP_s": host.address if outbound else other,
        "DestPublicIPs_s": f"{other}|{flows}|0|0|0|0|0" if outbound and public else None,
        "SrcPublicIPs_s": f"{other}|{flows}|0|0|0|0|0" if not outbound and public else None,
        "PublicIPs_s": other if public else None,
        "DestPort_d": float(port),
        "FlowCount_d": float(flows),
        "FlowDirection_s": "O" if outbound else "I",
        "FlowStatus_s": "A" if allowed else "D",
        "FlowType_s": kind,
        "IsFlowCapturedAtUDRHop_b": False,
        "L4Protocol_s": protocol,
        "L7Protocol_s": {443: "https", 80: "http", 53: "dns", 1433: "ms-sql-s", 22: "ssh", 3389: "ms-wbt-server"}.get(
            port, "unknown"
        ),
        "MACAddress_s": "00-0D-3A-" + guid("mac", host.name)[:8].upper()[:2] + "-11-22",
        "NIC_s": f"{group_of(host)}/nic-{host.name}",
        "NSGList_s": nsg,
        "NSGRule_s": rule,
        "NSGRuleType_s": "User Defined" if not rule.startswith("Default") else "Default",
        "NSGRules_s": f"0|{rule}|{'O' if outbound else 'I'}|{'A' if allowed else 'D'}|{flows}",
        "Subnet_s": f"{group_of(host)}/{subnet}",
        "Subscription_g": SUBSCRIPTION,
        "VM_s": vm,
        "VMIP_s": host.address,
    }
