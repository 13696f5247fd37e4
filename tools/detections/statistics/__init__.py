"""Detections by counting: each reads evidence and says its baseline and numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .addressed import rows_speak_to_a_model
from .afar import programs_start_after_arrivals
from .aftermath import changes_follow_odd_sign_ins
from .autostarts import autostarts_are_new
from .beaconing import connections_keep_time
from .borrowed import accounts_are_named_like_servers, directories_copy_from_workstations, machine_accounts_are_borrowed
from .bursts import accounts_live_briefly, devices_are_joined_in_a_row, operations_burst
from .carried import archives_are_carried_off, programs_of_services_are_written_over
from .crossings import inner_hosts_are_reached_in_a_row, refusals_end_in_a_pass, uploads_go_to_one_address
from .detours import passwords_are_reset_by_new_factors, policies_are_gone_around
from .discovery import commands_look_around
from .enumeration import resources_are_enumerated
from .files import files_are_deleted_in_mass, files_are_renamed_in_mass
from .firsts import parents_start_something_new
from .flows import outbound_is_refused, outbound_is_unusually_large
from .forbidden import forbidden_changes_are_tried
from .frame import Framed
from .gathering import copies_are_encrypted_aside, documents_are_gathered
from .generated import generated_names_are_asked
from .grants import grants_are_unusual
from .guessing import passwords_are_guessed, passwords_are_sprayed
from .hammering import few_names_are_hammered
from .handfuls import few_guesses_open_a_privileged_account, few_names_are_refused, one_program_tries_many_accounts
from .helped import reset_accounts_sign_in_from_elsewhere
from .hops import logons_hop_from_host_to_host
from .hours import accounts_come_at_odd_hours
from .inner import logons_do_not_fit_their_source
from .knocking import machines_knock_at_the_world
from .lateral import accounts_reach_new_hosts
from .lockouts import accounts_are_locked
from .lookups import lookups_carry_data_out
from .mfa_fatigue import second_factor_is_pushed
from .newness import signins_are_unlike_the_past
from .notes import one_note_is_left_in_many_folders
from .obscurity import command_lines_are_obscured
from .onwards import desktops_are_opened_onwards_from_new_machines
from .pasted import commands_are_pasted_and_run
from .persisting import refused_roles_are_asked_again, refused_sign_ins_go_from_application_to_application
from .planted import entries_are_made_for_arrivals, programs_run_where_planted
from .rarity import processes_are_rare
from .reach import programs_reach_further_than_before
from .remote_control import remote_control_comes_under_another_name, remote_controls_are_set_up_in_a_row
from .replies import replies_go_elsewhere
from .reused import local_accounts_open_several_hosts
from .rhythm import flows_keep_time
from .scanning import networks_are_scanned
from .sharing import files_are_encrypted_over_shares
from .sources import (
    hosts_refuse_one_source,
    one_source_bears_many_accounts,
    privileged_logons_come_from_elsewhere,
)
from .spreading import clients_spray_from_many_addresses, logons_spread
from .strangers import idle_accounts_come_from_strange_countries
from .surges import activity_surges
from .travel import accounts_travel_impossibly, countries_are_new
from .unattended import persons_run_on_many_hosts, persons_run_unattended
from .uploads import archives_are_packed_and_sent
from .weakening import controls_are_weakened

__all__ = ["STATISTICS", "counted"]

STATISTICS: tuple[Callable[[Evidence], Iterable[Detection]], ...] = (
    passwords_are_guessed,
    passwords_are_sprayed,
    few_guesses_open_a_privileged_account,
    few_names_are_refused,
    few_names_are_hammered,
    reset_accounts_sign_in_from_elsewhere,
    idle_accounts_come_from_strange_countries,
    one_program_tries_many_accounts,
    clients_spray_from_many_addresses,
    accounts_are_locked,
    logons_spread,
    local_accounts_open_several_hosts,
    persons_run_unattended,
    persons_run_on_many_hosts,
    accounts_reach_new_hosts,
    logons_hop_from_host_to_host,
    desktops_are_opened_onwards_from_new_machines,
    hosts_refuse_one_source,
    one_source_bears_many_accounts,
    privileged_logons_come_from_elsewhere,
    logons_do_not_fit_their_source,
    accounts_are_named_like_servers,
    machine_accounts_are_borrowed,
    directories_copy_from_workstations,
    second_factor_is_pushed,
    policies_are_gone_around,
    refused_sign_ins_go_from_application_to_application,
    refused_roles_are_asked_again,
    passwords_are_reset_by_new_factors,
    accounts_travel_impossibly,
    countries_are_new,
    signins_are_unlike_the_past,
    accounts_come_at_odd_hours,
    operations_burst,
    accounts_live_briefly,
    devices_are_joined_in_a_row,
    controls_are_weakened,
    replies_go_elsewhere,
    changes_follow_odd_sign_ins,
    forbidden_changes_are_tried,
    grants_are_unusual,
    resources_are_enumerated,
    commands_look_around,
    command_lines_are_obscured,
    autostarts_are_new,
    connections_keep_time,
    generated_names_are_asked,
    networks_are_scanned,
    programs_reach_further_than_before,
    outbound_is_refused,
    flows_keep_time,
    machines_knock_at_the_world,
    outbound_is_unusually_large,
    inner_hosts_are_reached_in_a_row,
    refusals_end_in_a_pass,
    uploads_go_to_one_address,
    lookups_carry_data_out,
    files_are_renamed_in_mass,
    files_are_encrypted_over_shares,
    copies_are_encrypted_aside,
    documents_are_gathered,
    files_are_deleted_in_mass,
    archives_are_carried_off,
    archives_are_packed_and_sent,
    programs_of_services_are_written_over,
    one_note_is_left_in_many_folders,
    commands_are_pasted_and_run,
    remote_control_comes_under_another_name,
    remote_controls_are_set_up_in_a_row,
    programs_start_after_arrivals,
    programs_run_where_planted,
    entries_are_made_for_arrivals,
    processes_are_rare,
    parents_start_something_new,
    activity_surges,
    rows_speak_to_a_model,
)
"""Run in this order; each is pure and takes a case's evidence. Those up to the start entries number keys and values of
the registry, which are many and let go of after the last of them; command lines are read where they lie."""


def counted(evidence: Evidence) -> Iterator[Detection]:
    """Run all statistics; what one reads of a table is there for the others."""
    framed = Framed(evidence)
    for statistic in STATISTICS:
        yield from statistic(framed)
        if statistic is autostarts_are_new:
            framed.forget()
