"""Whose private address it is joins what reached a machine to what happened on it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.reasoning.by_rules.homes import homes_of

from .test_incidents import finding, told


def rows(table: str, *records: dict[str, Any]) -> TableRows:
    return TableRows.collect(table, [(f"q-{table}", pa.Table.from_pylist(list(records)))])


FLOW = {"FlowDirection_s": "O", "SrcIP_s": "10.0.0.4", "DestIP_s": "203.0.113.9", "VM_s": "rg-data/sql-1"}
INTO = {"FlowDirection_s": "I", "SrcIP_s": "203.0.113.8", "DestIP_s": "10.0.0.5", "VM_s": "rg-data/sql-2"}
LENT = [{"LocalIP": "10.9.9.9", "DeviceName": name} for name in ("ws-1.corp.example", "ws-2.corp.example")]
OWN = [{"LocalIP": "10.0.0.4", "DeviceName": "sql-1.corp.example"}, {"LocalIP": "127.0.0.1", "DeviceName": "ws-1"}]


def test_an_address_is_of_the_one_machine_that_used_it() -> None:
    homes = homes_of(Evidence([rows("AzureNetworkAnalytics_CL", FLOW, INTO), rows("DeviceNetworkEvents", *LENT, *OWN)]))
    assert {address: host.split("/")[-1].split(".")[0] for address, host in homes.items()} == {
        "10.0.0.4": "sql-1",
        "10.0.0.5": "sql-2",
    }


def test_what_left_a_machine_by_its_address_belongs_to_what_happened_on_it() -> None:
    findings = [finding("opened", "host:rg-data/sql-1"), finding("sent", "ip:203.0.113.9", "ip:10.0.0.4", hours=1)]
    assert told(findings, Evidence([rows("AzureNetworkAnalytics_CL", FLOW)])) == [{"opened", "sent"}]
    assert len(told(findings)) == 2
