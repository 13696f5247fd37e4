"""`report --create-incident`: shows what would be written into a workspace, asks, and writes that and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from soc_analyst.graph.context import Context
from soc_analyst.settings import Settings
from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.records.incidents import IncidentsLog, Line

from .options import data_at

if TYPE_CHECKING:
    from soc_analyst.tools.incidents.draft import Drafts
    from soc_analyst.tools.incidents.manager import ResourceManager
    from soc_analyst.tools.incidents.target import Target
    from soc_analyst.tools.incidents.writing import Done, Known, Standing
    from soc_analyst.tools.logs.azure.spec import AzureSpec
    from soc_analyst.tools.records.cases import CaseFolder, CaseHeader
    from soc_analyst.tools.records.folder import DataDir

__all__ = [
    "CreateOption",
    "DryRunOption",
    "FindingOption",
    "PolicyOption",
    "ToOption",
    "WriteBack",
    "YesOption",
    "write",
]

PANEL = "Writing back to Microsoft Sentinel"
PREFIX = 12
"""Digits of the hash that a person is shown; `--yes` takes all of them."""

CreateOption = Annotated[
    bool,
    typer.Option(
        "--create-incident",
        help="Make incidents of the confirmed findings; shows them and asks.",
        rich_help_panel=PANEL,
    ),
]
FindingOption = Annotated[
    list[str] | None,
    typer.Option("--finding", metavar="ID", help="Only this finding; may be repeated.", rich_help_panel=PANEL),
]
ToOption = Annotated[
    str | None,
    typer.Option(
        "--incident-workspace",
        metavar="ID",
        help="Resource id (/subscriptions/…/workspaces/NAME) or Workspace ID. Default: the workspace that was asked.",
        rich_help_panel=PANEL,
    ),
]
PolicyOption = Annotated[
    Path | None,
    typer.Option("--policy", metavar="FILE", help="The policy that allows it.", rich_help_panel=PANEL),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be written, and its hash.", rich_help_panel=PANEL)
]
YesOption = Annotated[
    str | None,
    typer.Option(
        "--yes", metavar="SHA256", help="Do not ask: the hash of exactly what is to be written.", rich_help_panel=PANEL
    ),
]


@dataclass(frozen=True)
class WriteBack:
    """What was asked for besides the report."""

    findings: tuple[str, ...] = ()
    to: str | None = None
    policy: Path | None = None
    dry_run: bool = False
    yes: str | None = None

    def require_none(self) -> None:
        """Refuse options that mean nothing without `--create-incident`."""
        given = {
            "--finding": self.findings, "--incident-workspace": self.to, "--policy": self.policy,
            "--dry-run": self.dry_run, "--yes": self.yes,
        }  # fmt: skip
        for name, value in given.items():
            if value:
                raise OperatorError("goes with --create-incident only", where=name)


def write(case: CaseFolder, root: Path, asked: WriteBack) -> int:
    """Make incidents of a finished case's confirmed findings, as policy allows and a person agrees."""
    from soc_analyst.tools.incidents.draft import Drafts
    from soc_analyst.tools.incidents.drafting import chosen, draft_of
    from soc_analyst.tools.incidents.manager import ResourceManager
    from soc_analyst.tools.incidents.target import management_endpoint
    from soc_analyst.tools.records.verifying import require_whole

    header = case.header()
    assert header is not None
    policy_hash = _require_allowed(asked, header)
    require_whole(case, data_at(root).of(header).evidence)  # what was changed since it was reported goes nowhere
    report = case.report()
    assert report is not None
    findings = chosen(report, asked.findings)
    settings = Settings.from_environment()
    live = _live(header, settings)
    endpoint = management_endpoint(settings.management_endpoint, logs=live.endpoint if live else "")
    named = _named(asked.to or settings.incident_workspace, live)
    with ResourceManager.open(endpoint, authority=settings.authority) as manager:
        target = _target(named, manager, endpoint)
        about = _looked_into(header, live)
        drafts = Drafts(target, tuple(draft_of(finding, report, workspace=about) for finding in findings))
        _show(drafts)
        if asked.dry_run:
            return 0
        return _agreed_and_written(drafts, manager, asked.yes, _Ledger(data_at(root), report.thread_id, policy_hash))


def _require_allowed(asked: WriteBack, header: CaseHeader) -> str:
    """Return the hash of the policy that allows it: the one given, else that of the case."""
    from soc_analyst.graph.desk.desk import policy_for

    of_case = header.options.get("policy")
    policy = policy_for(Context(policy=asked.policy or (Path(str(of_case)) if of_case else None)))
    if policy.write_back != "incidents":
        raise OperatorError(
            "policy does not allow writing into a workspace; put `write_back: incidents` into a policy file and give "
            "it with --policy FILE",
            where="--create-incident",
        )
    return policy.hash


def _live(header: CaseHeader, settings: Settings) -> AzureSpec | None:
    """Return the live workspaces that the case asked, if it asked any."""
    from soc_analyst.tools.logs.azure.spec import parse_azure_spec

    workspace = str(header.options.get("workspace", ""))
    return parse_azure_spec(workspace, endpoint=settings.logs_endpoint) if workspace.startswith("azure:") else None


def _named(given: str | None, live: AzureSpec | None) -> str:
    """Return what names the workspace: as given, else the one live workspace that was asked."""
    from soc_analyst.tools.incidents.target import OPTION

    if given:
        return given.strip()
    if live is not None and len(live.ids) == 1:
        return live.ids[0]
    why = "the case asked no live workspace" if live is None else "the case asked several workspaces"
    raise OperatorError(f"{why}; say which one the incident goes to, by resource id or Workspace ID", where=OPTION)


def _target(named: str, manager: ResourceManager, endpoint: str) -> Target:
    from soc_analyst.tools.incidents.resolving import resolved
    from soc_analyst.tools.incidents.target import is_workspace_id, parse_target

    if is_workspace_id(named):
        return resolved(manager, named, endpoint=endpoint)
    return parse_target(named, endpoint=endpoint)


def _looked_into(header: CaseHeader, live: AzureSpec | None) -> str:
    """Say what the case asked; a folder's path is nobody else's business."""
    if live is not None:
        return f"Log Analytics workspace {', '.join(live.ids)}"
    is_sample = header.options.get("workspace") == "sample"
    return "the sample tenant, a made-up company" if is_sample else "a folder of exported logs"


def _show(drafts: Drafts) -> None:
    """Print exactly what would be written."""
    target = drafts.target
    sys.stdout.write(f"Workspace {target.name}, resource group {target.group}, subscription {target.subscription}\n")
    for number, draft in enumerate(drafts.drafts, 1):
        times = f"{draft.first:%Y-%m-%d %H:%M:%S} to {draft.last:%Y-%m-%d %H:%M:%S} UTC"
        lines = [
            f"Incident {number} of {len(drafts.drafts)}, of finding {draft.finding_id}: {draft.name(target)}",
            f"  Title      {draft.title}",
            f"  Severity   {draft.severity}, status New",
            f"  Activity   {times}",
            f"  Labels     {', '.join(draft.labels)}",
            "  Description",
            *_indented(draft.description),
            "  Comment",
            *_indented(draft.message),
            *(f"  Left out   {line}" for line in draft.cuts),
        ]
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
    sys.stdout.write(f"\nsha256 {drafts.sha256}\n")
    sys.stdout.flush()


def _indented(text: str) -> Iterator[str]:
    yield from (f"    {line}" if line else "" for line in text.split("\n"))


def _agreed_and_written(drafts: Drafts, manager: ResourceManager, yes: str | None, ledger: _Ledger) -> int:
    """Write once there is a yes to exactly these drafts; without one nothing is sent that could change anything."""
    from soc_analyst.tools.incidents.writing import Writer

    writer = Writer(manager, drafts, lambda done: ledger.add(drafts, done))
    if yes is None:
        _require_person(drafts)
        there = writer.look()
        for one in there:
            _tell_standing(one)
        if all(one.is_whole for one in there):
            return 0
        if not _says_yes(drafts):
            _say("Nothing was written.")
            return 0
    elif yes.strip().lower() != drafts.sha256:
        raise OperatorError(
            f"{yes[:80]!r} is the hash of other content: what would be written now is sha256 {drafts.sha256}; "
            "read it, and give that; nothing was written",
            where="--yes",
        )
    with ledger.held():
        for done in writer.write(drafts.sha256 if yes is None else yes.strip().lower()):
            _tell(done)
    return 0


def _require_person(drafts: Drafts) -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise OperatorError(
            f"nobody is here to be asked; once this has been read, add --yes {drafts.sha256}; nothing was written",
            where="--create-incident",
        )


def _says_yes(drafts: Drafts) -> bool:
    """Ask a person; only the whole word counts."""
    sys.stderr.write(f"Write exactly this (sha256 {drafts.sha256[:PREFIX]}) to {drafts.target.name}? Type yes: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() == "yes"


def _tell_standing(there: Standing) -> None:
    if there.incident is not None:
        left = "nothing to write" if there.is_whole else "only its comment is missing"
        status = f" ({there.incident.status})" if there.incident.status else ""
        _say(f"Incident {_number(there.incident)} of {there.draft.finding_id} is there already{status}; {left}.")


def _tell(done: Done) -> None:
    what = f"Incident {_number(done.known)}" if done.what == "incident" else "Comment with its evidence"
    how = "created" if done.created else "there already, nothing was written"
    url = f" {done.known.url}" if done.what == "incident" else ""
    sys.stdout.write(f"{what} of {done.draft.finding_id}: {how}{url}\n")
    sys.stdout.flush()


def _number(known: Known | None) -> str:
    return "?" if known is None or known.number is None else str(known.number)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


@dataclass(frozen=True)
class _Ledger:
    """Where it is logged what was written."""

    data: DataDir
    thread_id: str
    policy_hash: str

    def held(self) -> AbstractContextManager[None]:
        """Keep other runs off."""
        return IncidentsLog(self.data.ready().incidents, self.data.seal).held()

    def add(self, drafts: Drafts, done: Done) -> None:
        """Log one thing that is there now."""
        line = Line(
            logged_at=datetime.now(UTC),
            thread_id=self.thread_id,
            finding_id=done.draft.finding_id,
            what=done.what,
            created=done.created,
            workspace=drafts.target.resource,
            incident=done.draft.name(drafts.target),
            number=done.known.number,
            url=done.known.url,
            sha256=drafts.sha256,
            policy_hash=self.policy_hash,
        )
        IncidentsLog(self.data.incidents, self.data.seal).add(line)
