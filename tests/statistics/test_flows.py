"""Network flows: refusals, volume, scans."""

from __future__ import annotations

import pytest

from .rows import Row, at, levels

TABLE = "AzureNetworkAnalytics_CL"


def flow(
    seconds: float, port: float, status: str = "D", direction: str = "O", remote: str = "45.77.10.20", **more: object
) -> Row:
    return at(
        seconds, **{
            "SubType_s": "FlowLog", "FlowType_s": "ExternalPublic", "FlowStatus_s": status,
            "FlowDirection_s": direction, "VM_s": "rg/web-01", "SrcIP_s": "10.0.0.4", "DestIP_s": remote,
            "DestPort_d": port, "OutboundBytes_d": 1e5, **more,
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("count", "port", "expected"),
    [(4, 4444.0, {}), (5, 4444.0, {"stat-outbound-refused": "medium"}), (50, 443.0, {"stat-outbound-refused": "low"})],
)
def test_refusals(count: int, port: float, expected: dict[str, str]) -> None:
    assert levels(TABLE, [flow(i * 900.0, port) for i in range(count)]) == expected


@pytest.mark.parametrize("change", [{"status": "A"}, {"direction": "I"}, {"remote": "10.0.9.9"}])
def test_what_is_no_refused_way_out(change: dict[str, str]) -> None:
    assert levels(TABLE, [flow(i * 900.0, 4444.0, **change) for i in range(20)]) == {}


def hourly(hours: int, last: float) -> list[Row]:
    rows = [flow(hour * 3600.0, 443.0, "A") for hour in range(hours)]
    return [*rows, flow(hours * 3600.0, 443.0, "A", OutboundBytes_d=last)]


@pytest.mark.parametrize(
    ("hours", "last", "expected"),
    [(48, 5e9, {"stat-outbound-volume": "medium"}), (48, 5e7, {}), (10, 5e9, {})],
)
def test_volume_against_the_past(hours: int, last: float, expected: dict[str, str]) -> None:
    assert levels(TABLE, hourly(hours, last)) == expected


def test_a_machine_that_scans_its_neighbours() -> None:
    rows = [flow(i, 22.0, "A", remote=f"10.0.2.{i + 1}") for i in range(30)]
    assert levels(TABLE, rows) == {"stat-network-scan": "medium"}


def test_a_knock_from_the_internet_is_low() -> None:
    rows = [flow(i, float(i + 1), "D", "I", remote="10.0.0.4", SrcIP_s="45.77.10.20") for i in range(60)]
    assert levels(TABLE, rows) == {"stat-network-scan": "low"}


def test_a_nightly_backup_is_its_own_baseline() -> None:
    rows = [
        flow(hour * 3600.0, 443.0, "A", OutboundBytes_d=1.6e10 + hour if hour % 24 == 1 else 1e4) for hour in range(96)
    ]
    assert levels(TABLE, rows) == {}


def inner(i: int, port: float = 445.0) -> Row:
    return flow(i * 30.0, port, "A", remote=f"10.0.2.{i + 1}", FlowType_s="IntraVNet")


@pytest.mark.parametrize(("hosts", "expected"), [(5, {}), (8, {"stat-inner-hosts-in-a-row": "medium"})])
def test_inner_hosts_reached_in_a_row(hosts: int, expected: dict[str, str]) -> None:
    assert levels(TABLE, [inner(i) for i in range(hosts)]) == expected


def test_a_source_that_had_reached_as_many_is_one_that_administers() -> None:
    before = [flow(i * 3600.0 - 90000, 445.0, "A", remote=f"10.0.3.{i}", FlowType_s="IntraVNet") for i in range(12)]
    assert levels(TABLE, [*before, *(inner(i) for i in range(8))]) == {}


def test_an_application_that_speaks_to_its_databases_administers_nothing() -> None:
    assert levels(TABLE, [inner(i, 1433.0) for i in range(12)]) == {}


def test_a_source_that_asks_for_services_of_several_systems_looks_for_what_is_there() -> None:
    rows = [inner(i, port) for i in range(12) for port in (22.0, 445.0)]
    assert levels(TABLE, rows) == {"stat-inner-hosts-in-a-row": "low"}
    rows = [inner(i, port) for i in range(12) for port in (135.0, 161.0)]
    assert levels(TABLE, rows) == {"stat-inner-hosts-in-a-row": "low"}
    rows = [inner(i, port) for i in range(12) for port in (135.0, 445.0)]
    assert levels(TABLE, rows) == {"stat-inner-hosts-in-a-row": "medium"}


def knock(i: int, status: str, **more: object) -> Row:
    return flow(i * 60.0, 3389.0, status, "I", remote="10.0.0.9", SrcIP_s="45.77.10.20", **more)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [("DDDDDA", {"stat-refused-then-allowed": "medium"}), ("DDDDDD", {}), ("DDDA", {}), ("ADDDDDDA", {})],
)
def test_refused_then_allowed(statuses: str, expected: dict[str, str]) -> None:
    assert levels(TABLE, [knock(i, status) for i, status in enumerate(statuses)]) == expected


def test_what_just_in_time_access_lets_through_was_asked_for() -> None:
    rows = [knock(i, "D") for i in range(5)] + [knock(5, "A", NSGRule_s="MicrosoftDefenderForCloud-JITRule_1_4A")]
    assert levels(TABLE, rows) == {"stat-refused-then-allowed": "low"}


def test_sources_that_stand_in_the_list_of_public_addresses() -> None:
    ends = {"SrcIP_s": "", "SrcPublicIPs_s": "45.77.10.20|1|0|0|120|60"}
    rows = [flow(i * 60.0, 22.0, status, "I", remote="10.0.0.9", **ends) for i, status in enumerate("DDDDDA")]
    assert levels(TABLE, rows) == {"stat-refused-then-allowed": "medium"}


@pytest.mark.parametrize(
    ("before", "sent", "received", "expected"),
    [
        (0, 3e9, 1e6, {"stat-upload-to-new-address": "medium"}),
        (0, 1e8, 1e6, {}),
        (0, 3e9, 2e9, {}),
        (1, 3e9, 1e6, {}),
    ],
)
def test_an_upload_to_a_new_address(before: int, sent: float, received: float, expected: dict[str, str]) -> None:
    known = [flow(-7200.0, 443.0, "A")] * before
    rows = [flow(i * 300.0, 443.0, "A", OutboundBytes_d=sent / 4, InboundBytes_d=received / 4) for i in range(4)]
    assert levels(TABLE, [*known, *rows]) == expected


def beats(count: int, port: float = 8531.0, size: float = 2100.0, spread: float = 0.0) -> list[Row]:
    return [
        flow(i * 600.0 + i % 3 * 40, port, "A", OutboundBytes_d=size * (1 + spread * (i % 2))) for i in range(count)
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (beats(20), {"stat-flow-rhythm": "medium"}),
        (beats(19), {}),
        (beats(30, size=9e6), {}),
        (beats(30, spread=3.0), {}),
        (beats(30, port=443.0), {}),
        (beats(30, port=123.0), {}),
    ],
)
def test_small_flows_at_a_rhythm(rows: list[Row], expected: dict[str, str]) -> None:
    assert levels(TABLE, rows) == expected


@pytest.mark.parametrize(("remote", "expected"), [("45.77.10.99", {"stat-flow-rhythm": "medium"}), ("45.77.10.20", {})])
def test_a_rhythm_on_the_web_counts_where_one_machine_alone_has_it(remote: str, expected: dict[str, str]) -> None:
    others = [flow(i * 900.0, 443.0, "A", remote=remote, VM_s=f"rg/app-{i}") for i in range(4)]
    assert levels(TABLE, [*beats(30, port=443.0), *others]) == expected
