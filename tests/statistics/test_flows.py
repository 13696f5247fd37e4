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
