"""Whose private address it is, where the rows tell: so that what reaches a machine is joined to what happened on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from soc_analyst.state.names import bare_name
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.proof.indicators import is_public

__all__ = ["homes_of"]

OUTBOUND = "o"


def homes_of(evidence: Evidence) -> Mapping[str, str]:
    """Return the machine of each private address that was one machine's alone in these rows."""
    seen: dict[str, dict[str, str]] = defaultdict(dict)
    for address, host in dict.fromkeys((*_of_hosts(evidence), *_of_flows(evidence))):
        if address and host and not is_public(address) and not address.startswith(("127.", "169.254.", "::1", "fe80:")):
            seen[address][bare_name(host, "host")] = host
    return {address: next(iter(hosts.values())) for address, hosts in seen.items() if len(hosts) == 1}


def _of_hosts(evidence: Evidence) -> Iterable[tuple[str, ...]]:
    rows = evidence.get("DeviceNetworkEvents")
    return () if rows is None else rows.distinct("LocalIP", "DeviceName")


def _of_flows(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Yield the end of each flow that is the machine it was logged for."""
    rows = evidence.get("AzureNetworkAnalytics_CL")
    if rows is None:
        return
    # Each end by itself: the pairs of both ends are many, the machines behind either are few.
    for end, is_source in (("SrcIP_s", True), ("DestIP_s", False)):
        for direction, address, machine in rows.distinct("FlowDirection_s", end, "VM_s"):
            if (direction.casefold() == OUTBOUND) == is_source:
                yield address, machine
