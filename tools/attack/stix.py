"""One's own ATT&CK data: a STIX 2 bundle as MITRE publishes it, in the form that the catalogue reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from soc_analyst.state.errors import OperatorError

__all__ = ["Bundle", "read_bundle"]

MOST_BYTES = 200_000_000
SOURCES = frozenset({"mitre-attack", "mitre-mobile-attack", "mitre-ics-attack"})
Object = Mapping[str, Any]


class Bundle:
    """What a bundle says: techniques and tactics in use, retired ids with what replaced them, and its release."""

    def __init__(self, objects: Iterable[Object]) -> None:
        known = [each for each in objects if isinstance(each.get("id"), str) and isinstance(each.get("type"), str)]
        self._by_id: dict[str, Object] = {each["id"]: each for each in known}
        self.tactics = {
            str(each["x_mitre_shortname"]): {"id": id_, "name": str(each.get("name", ""))}
            for each in known
            if each["type"] == "x-mitre-tactic" and each.get("x_mitre_shortname") and (id_ := _attack_id(each))
        }
        patterns = [(id_, each) for each in known if each["type"] == "attack-pattern" and (id_ := _attack_id(each))]
        self.techniques = {
            id_: {"name": str(each.get("name", id_)), "tactics": _phases(each)}
            for id_, each in patterns
            if not (each.get("revoked") or each.get("x_mitre_deprecated"))
        }
        self.retired = self._replaced(each for each in known if each["type"] == "relationship")
        collection = next((each for each in known if each["type"] == "x-mitre-collection"), {})
        self.version = str(collection.get("x_mitre_version") or "of an unnamed release")

    def _replaced(self, relations: Iterable[Object]) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for relation in relations:
            old, new = (self._by_id.get(str(relation.get(end)), {}) for end in ("source_ref", "target_ref"))
            if relation.get("relationship_type") == "revoked-by" and old.get("type") == "attack-pattern":
                before, after = _attack_id(old), _attack_id(new)
                if before and after in self.techniques and before not in self.techniques:
                    found[before] = {"name": str(old.get("name", before)), "now": [after]}
        return found


def read_bundle(path: Path) -> Bundle:
    """Read a bundle; raise OperatorError in one line where it is none."""
    where = f"--attack-data {path}"
    try:
        if path.stat().st_size > MOST_BYTES:
            raise OperatorError(f"is larger than {MOST_BYTES // 1_000_000} MB; give one bundle of ATT&CK", where=where)
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise OperatorError(f"cannot be read: {error.strerror or error}", where=where) from error
    except (ValueError, RecursionError) as error:
        at = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise OperatorError(
            f"is no JSON{at}; give a STIX 2 bundle such as enterprise-attack.json", where=where
        ) from error
    objects = content.get("objects") if isinstance(content, dict) else None
    if not isinstance(objects, list):
        raise OperatorError("is no STIX 2 bundle: it has no list of objects", where=where)
    bundle = Bundle(each for each in objects if isinstance(each, dict))
    if not bundle.techniques or not bundle.tactics:
        raise OperatorError("holds no ATT&CK techniques and tactics; give MITRE's enterprise bundle", where=where)
    return bundle


def _attack_id(each: Object) -> str:
    references = each.get("external_references")
    for reference in references if isinstance(references, list) else ():
        if isinstance(reference, dict) and reference.get("source_name") in SOURCES:
            return str(reference.get("external_id", "")).upper()
    return ""


def _phases(each: Object) -> list[str]:
    phases = each.get("kill_chain_phases")
    named = [phase.get("phase_name") for phase in phases if isinstance(phase, dict)] if isinstance(phases, list) else []
    return [name for name in named if isinstance(name, str)]
