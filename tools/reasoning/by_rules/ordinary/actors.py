"""Who acted: an agent in its own folder, a signed program of a vendor, an account that does the same every day."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from .places import open_to_users, vendor
from .reasons import Reason

__all__ = ["Agent", "acting_account", "acting_agents", "agents", "by_agent", "by_vendor", "is_service"]

Row = Mapping[str, Any]
SERVICE = re.compile(
    r"^(svc|srv|service|sa|gmsa|msa|app|task|sql|bkp|backup|scan|mon)[-_.]|[-_.](svc|service|gmsa)$|\$$"
    r"|^nt service\\|^iis apppool\\",
    re.IGNORECASE,
)
_LOADERS = (
    "powershell.exe pwsh.exe cmd.exe wscript.exe cscript.exe mshta.exe rundll32.exe regsvr32.exe msbuild.exe "
    "installutil.exe wmic.exe python.exe python bash sh perl ruby node.exe java.exe"
)
LOADERS = frozenset(_LOADERS.split())
"""Programs that do what their command line says, whoever signed them: their signature says nothing of it."""


@dataclass(frozen=True)
class Agent:
    """A program that works for the tenant, and where it must lie."""

    kind: str
    folder: str
    proves: bool


@cache
def agents() -> Mapping[str, Agent]:
    """Return the known agents by the name of their program."""
    kinds = yaml.safe_load((Path(__file__).parent / "agents.yaml").read_text(encoding="utf-8"))
    return {
        name: Agent(kind, folder, told["proves"])
        for kind, told in kinds.items()
        for name, folder in told["programs"].items()
    }


def acting_account(row: Row) -> str:
    """Return the account that acted."""
    names = ("InitiatingProcessAccountName", "AccountName", "UserPrincipalName", "Caller", "Identity")
    return next((str(row[name]) for name in names if row.get(name)), "")


def is_service(account: str) -> bool:
    """Return whether an account is named like one of a machine or a service. The name alone proves nothing."""
    return bool(SERVICE.search(account))


def by_agent(rows: Sequence[Row]) -> Iterator[Reason]:
    """Yield that a known agent, in its own closed folder and rightly signed, started all of it."""
    found = acting_agents(rows)
    if found is None:
        return
    names = ", ".join(sorted({_name(row) for row in rows}))
    what = "the update service" if all(each.kind == "update" for each in found) else f"the {found[0].kind} agent"
    yield Reason("actor", f"{what} {names} did it from its own folder", proves=all(each.proves for each in found))


def acting_agents(rows: Sequence[Row]) -> tuple[Agent, ...] | None:
    """Return the agents that acted in all rows, or None where one row was another's."""
    found = [agents().get(_name(row)) for row in rows]
    kept = tuple(each for each, row in zip(found, rows, strict=True) if each is not None and _lies_in(each, row))
    return kept if rows and len(kept) == len(rows) else None


def _lies_in(agent: Agent, row: Row) -> bool:
    path = str(row.get("InitiatingProcessFolderPath") or "").lower()
    # A folder of that name may stand anywhere in a path of one's own making: it must begin below the drive.
    below = path[2:].replace("\\program files (x86)\\", "\\program files\\", 1)
    return path[1:2] == ":" and below.startswith(agent.folder) and not open_to_users(path) and _not_false(row)


def by_vendor(rows: Sequence[Row]) -> Iterator[Reason]:
    """Yield that a signed program, in the folder of the vendor that its version names, did all of it."""
    if rows and all(_is_vendors_own(row) for row in rows):
        yield Reason("means", "done by a signed program in a vendor's own folder")


def _is_vendors_own(row: Row) -> bool:
    """Return whether what acted is signed, lies closed, and is consistent: company with folder, name with version."""
    path = str(row.get("InitiatingProcessFolderPath") or "")
    signed = str(row.get("InitiatingProcessSignatureStatus") or "").lower() == "valid"
    folder = vendor(path)
    if not signed or not folder or _name(row) in LOADERS or not _not_renamed(row):
        return False
    company = str(row.get("InitiatingProcessVersionInfoCompanyName") or "").lower()
    words = set(re.findall(r"[a-z0-9]{3,}", company))
    return not company or bool(words & set(re.findall(r"[a-z0-9]{3,}", f"{folder} {path.lower()}")))


def _not_false(row: Row) -> bool:
    """Return whether nothing says that the program is unsigned or renamed; logs of other origin say nothing."""
    signed = str(row.get("InitiatingProcessSignatureStatus") or "valid").lower() == "valid"
    return signed and _not_renamed(row)


def _not_renamed(row: Row) -> bool:
    original = str(row.get("InitiatingProcessVersionInfoOriginalFileName") or "").lower().removesuffix(".mui")
    return not original or original.rsplit(".", 1)[0] == _name(row).rsplit(".", 1)[0]


def _name(row: Row) -> str:
    return str(row.get("InitiatingProcessFileName") or "").lower()
