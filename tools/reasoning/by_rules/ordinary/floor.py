"""Which signals context may lower: those whose technique is also a way of working, never the unmistakable ones."""

from __future__ import annotations

from collections.abc import Iterable

from soc_analyst.state.findings import Detection

__all__ = ["is_agents_work", "may_be_lowered"]

_WORK = (
    # Looking around, as inventory, monitoring and administrators do.
    "T1007 T1010 T1012 T1016 T1018 T1033 T1046 T1049 T1057 T1069 T1082 T1083 T1087 T1120 T1124 T1135 T1201 T1217 T1482 "
    "T1518 T1526 T1538 T1580 T1595 T1613 T1614 T1615 T1619 T1654 "
    # Running, installing, distributing and changing, as deployment and automation do.
    "T1047 T1053 T1059 T1072 T1105 T1106 T1112 T1127 T1129 T1202 T1218 T1219 T1222 T1543 T1546 T1547 T1569 T1570 "
    "T1571 T1572 T1651 T1653 "
    # Accounts, roles, sessions, copies and removals, as administrators, pipelines and backup do.
    "T1021 T1030 T1039 T1048 T1070 T1074 T1078 T1098 T1119 T1133 T1136 T1489 T1528 T1529 T1530 T1531 T1537 T1560 T1567 "
    "T1578 T1592 "
    # Names, windows and text of scripts.
    "T1027 T1036 T1071 T1140 T1564"
)
_ATTACK = (
    # Credentials taken, tokens forged, processes entered, rights raised.
    "T1003 T1055 T1068 T1110 T1134 T1187 T1212 T1539 T1547.002 T1547.005 "
    "T1547.008 T1548 T1550 T1552.004 T1552.006 T1555 T1556 T1557 T1558 T1606 "
    "T1621 T1649 "
    # Data encrypted or destroyed, recovery taken away.
    "T1485 T1486 T1490 T1491 T1495 T1496 T1561 "
    # Defences and logs taken away, by the ids before and after release 19.
    "T1070.001 T1070.002 T1484 T1553 T1562 T1685 T1686 T1687 T1688 T1689 T1690 "
    # Ways in that nobody uses for work.
    "T1189 T1190 T1195 T1203 T1210 T1211 T1505 T1566"
)
_AGENTS = (
    # What agents do all day: look around, run scripts, install. Not: accounts, autostarts, remote access, tunnels.
    "T1007 T1010 T1012 T1016 T1018 T1033 T1046 T1049 T1057 T1069 T1082 T1083 T1087 T1120 T1124 T1135 T1201 T1217 T1482 "
    "T1518 T1614 T1615 T1654 T1027 T1036 T1047 T1053 T1059 T1070 T1072 T1105 T1106 T1127 T1129 T1202 T1218 "
    "T1222 T1489 T1529 T1564 T1569"
)
_TENANT = (
    # What administrators and pipelines of a tenant do to its resources, keys, factors and network rules.
    "T1485 T1490 T1552 T1555 T1556 T1686"
)
OF_AGENTS, OF_TENANTS = frozenset(_AGENTS.split()), frozenset(_TENANT.split())
TENANT = frozenset({"AuditLogs", "AzureActivity", "SigninLogs"})
DUAL_USE, UNMISTAKABLE = frozenset(_WORK.split()), frozenset(_ATTACK.split())


def may_be_lowered(detection: Detection) -> bool:
    """Return whether ordinary work could explain this signal at all."""
    if detection.level not in ("medium", "high") or not detection.techniques:
        return False
    of_tenant = all(ref.table in TENANT for ref in detection.rows)
    work, attack = (DUAL_USE | OF_TENANTS, UNMISTAKABLE - OF_TENANTS) if of_tenant else (DUAL_USE, UNMISTAKABLE)
    return _is_in(detection.techniques[0], work) and not _any_in(detection.techniques, attack)


def is_agents_work(detection: Detection) -> bool:
    """Return whether agents do such things all day."""
    return _is_in(detection.techniques[0], OF_AGENTS)


def _any_in(techniques: Iterable[str], known: frozenset[str]) -> bool:
    return any(_is_in(technique, known) for technique in techniques)


def _is_in(technique: str, known: frozenset[str]) -> bool:
    return technique in known or technique.partition(".")[0] in known
