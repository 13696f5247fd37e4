"""Detections by counting: each reads evidence and says its baseline and numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .beaconing import connections_keep_time
from .bursts import accounts_live_briefly, operations_burst
from .discovery import commands_look_around
from .enumeration import resources_are_enumerated
from .files import files_are_deleted_in_mass, files_are_renamed_in_mass
from .firsts import parents_start_something_new
from .flows import outbound_is_refused, outbound_is_unusually_large
from .guessing import passwords_are_guessed, passwords_are_sprayed
from .hours import accounts_come_at_odd_hours
from .mfa_fatigue import second_factor_is_pushed
from .newness import signins_are_unlike_the_past
from .obscurity import command_lines_are_obscured
from .rarity import processes_are_rare
from .scanning import networks_are_scanned
from .spreading import clients_spray_from_many_addresses, logons_spread
from .travel import accounts_travel_impossibly, countries_are_new

__all__ = ["STATISTICS"]

STATISTICS: tuple[Callable[[Evidence], Iterable[Detection]], ...] = (
    passwords_are_guessed,
    passwords_are_sprayed,
    clients_spray_from_many_addresses,
    logons_spread,
    second_factor_is_pushed,
    accounts_travel_impossibly,
    countries_are_new,
    signins_are_unlike_the_past,
    accounts_come_at_odd_hours,
    operations_burst,
    accounts_live_briefly,
    resources_are_enumerated,
    commands_look_around,
    command_lines_are_obscured,
    connections_keep_time,
    networks_are_scanned,
    outbound_is_refused,
    outbound_is_unusually_large,
    files_are_renamed_in_mass,
    files_are_deleted_in_mass,
    processes_are_rare,
    parents_start_something_new,
)
"""Run in this order; each is pure and takes a case's evidence."""
