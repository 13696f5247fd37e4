"""Whose private address it is, where the rows tell: so that what reaches a machine is joined to what happened on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.proof.indicators import is_public

__all__ = ["homes_of"]

OUTBOUND = "o"


def homes_of(evidence: Evidence) -> Mapping[str, str]:
    """Return the machine of each private address that was one machine's alone in these rows."""
    seen: dict[str, dict[str, str]] = defaultdict(dict)
    for address, host in {*_of_hosts(evidence), *_of_flows(evidence)}:
        if address and host and not is_public(address) and not address.startswith(("127.", "169.254.", "::1", "fe80:")):
            bare = host.rsplit("/", 1)[-1].split(".", 1)[0].casefold()
            seen[address][bare] = host
    return {address: next(iter(hosts.values())) for address, hosts in seen.items() if len(hosts) == 1}


def _of_hosts(evidence: Evidence) -> Iterator[tuple[str, str]]:
    rows = evidence.get("DeviceNetworkEvents")
    if rows is not None:
        yield from zip(rows.strings("LocalIP"), rows.strings("DeviceName"), strict=True)


def _of_flows(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Yield the end of each flow that is the machine it was logged for."""
    rows = evidence.get("AzureNetworkAnalytics_CL")
    if rows is None:
        return
    columns = (rows.strings(name) for name in ("FlowDirection_s", "SrcIP_s", "DestIP_s", "VM_s"))
    for direction, source, target, machine in zip(*columns, strict=True):
        yield (source if direction.casefold() == OUTBOUND else target), machine
