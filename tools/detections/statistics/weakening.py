"""Controls that demand less after a change than before, told by setting the two side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np

from soc_analyst.state.entities import Entity
from soc_analyst.state.findings import Detection
from soc_analyst.tools.evidence import Evidence

from .actors import DONE_IN_DIRECTORY, initiator, target
from .frame import Frame, Sighting, equals

__all__ = ["controls_are_weakened"]

ACCESS = frozenset({"update conditional access policy", "update policy"})
METHODS = frozenset({"authentication methods policy update", "update authentication methods policy"})
WEAK_METHODS = frozenset({"sms", "voice", "email", "temporaryaccesspass", "qrcodepin", "verifiablecredentials"})
RISK_LEVELS = frozenset({"signinrisklevels", "userrisklevels", "serviceprincipalrisklevels", "insiderrisklevels"})
SECOND_FACTORS = frozenset({"mfa", "authenticationstrength"})
ISSUER = "discoveryurl"
"""Where an external factor says who signs for it."""
DEEPEST = 12

WEAKENED = Sighting(
    id="stat-control-weakened",
    title="Policy of access demands less than before",
    techniques=("T1556.009",),
    tactics=("credential-access", "persistence"),
    false_positives=("Exceptions for emergency accounts, and policies that are split in two",),
)


def controls_are_weakened(evidence: Evidence) -> Iterator[Detection]:
    """Report policies of access or of factors that after an update cover less, ask for less or allow weaker means.

    Compared are the old and the new text of the policy, whatever else was changed: accounts left out or no longer
    named, kinds of clients or of risk no longer looked at, controls dropped or given an easier choice, and sessions no
    longer bound. A policy that was not in force before, or that is switched off as a whole, is left to the rules.
    """
    frame = Frame.of(evidence, "AuditLogs", ("OperationName", "TargetResources", "Result"))
    if frame is None:
        return
    operations = frame.coded("OperationName").lowered
    done = frame.coded("Result").lowered.rows_where(DONE_IN_DIRECTORY.__contains__)
    changed = operations.rows_where((ACCESS | METHODS).__contains__) & done & frame.timed
    for row in np.flatnonzero(changed).tolist():
        if losses := _losses(frame.text("TargetResources")[row]):
            yield _seen(frame, row, losses)


@lru_cache(maxsize=4096)
def _losses(resources: str) -> tuple[str, ...]:
    """Return what the policies among the changed things lost, each as a phrase."""
    found: list[str] = []
    for each in _listed(_parsed(resources)):
        for changed in _listed(_value(each, "modifiedProperties")):
            old, new = _parsed(_value(changed, "oldValue")), _parsed(_value(changed, "newValue"))
            if isinstance(old, Mapping) and isinstance(new, Mapping) and _in_force(old) and _in_force(new):
                found.extend(_lost(old, new, "", new, 0))
    return tuple(dict.fromkeys(found))


def _in_force(policy: Mapping[str, object]) -> bool:
    return str(policy.get("state", "enabled")).lower() == "enabled"


def _lost(old: object, new: object, key: str, whole: Mapping[str, object], depth: int) -> Iterator[str]:
    if depth > DEEPEST or old == new:
        return
    if key.lower() == ISSUER and old and new:
        yield f"factors of {new} trusted"
    if isinstance(old, Mapping):
        yield from _of_part(old, new, key, whole, depth)
    elif _is_list(old) or _is_list(new):
        yield from _of_list(_listed(old), _listed(new), key, whole, depth)


def _of_part(
    old: Mapping[str, object], new: object, key: str, whole: Mapping[str, object], depth: int
) -> Iterator[str]:
    if not isinstance(new, Mapping):
        if key == "grantControls" or old.get("isEnabled") in (True, "true"):
            yield f"{key} no longer set"
        return
    if old.get("isEnabled") in (True, "true") and new.get("isEnabled") in (False, "false"):
        yield f"{key} switched off"
    if key == "grantControls" and _asked(old, "and") and _asked(new, "or"):
        yield "one control enough where all were asked for"
    method, state = str(old.get("id", "")).lower(), (old.get("state"), new.get("state"))
    if method in WEAK_METHODS and state == ("disabled", "enabled"):
        yield f"{old.get('id')} allowed"
    for name in dict.fromkeys((*old, *new)):
        yield from _lost(old.get(name), new.get(name), name, whole, depth + 1)


def _asked(grant: Mapping[str, object], operator: str) -> bool:
    """Tell whether a policy has several controls, a strength among them, and joins them by this word."""
    demands = [*_listed(grant.get("builtInControls")), grant.get("authenticationStrength")]
    return str(grant.get("operator", "")).lower() == operator and sum(map(bool, demands)) > 1


def _of_list(
    old: Sequence[object], new: Sequence[object], key: str, whole: Mapping[str, object], depth: int
) -> Iterator[str]:
    before, after = _named(old), _named(new)
    if isinstance(next(iter(before.values()), None), Mapping):
        for name in before:
            yield from _lost(before[name], after.get(name), key, whole, depth + 1)
        return
    gone, come = [each for each in before if each not in after], [each for each in after if each not in before]
    word = key.lower()
    if word.startswith("exclude") and come:
        yield f"{key} gained {_few(come)}"
    if (word.startswith("include") or word == "clientapptypes") and gone and "all" not in map(str.lower, after):
        yield f"{key} lost {_few(gone)}"
    if word in RISK_LEVELS and after and (gone or not before):
        yield f"{key} narrowed to {_few(list(after))}"
    if word == "builtincontrols":
        yield from _controls(gone, come, whole)


def _controls(gone: Sequence[str], come: Sequence[str], whole: Mapping[str, object]) -> Iterator[str]:
    """Tell whether the controls ask for less: one is dropped, or an easier one is as good now."""
    grant = whole.get("grantControls")
    either = isinstance(grant, Mapping) and str(grant.get("operator", "")).lower() == "or"
    strength = isinstance(grant, Mapping) and bool(grant.get("authenticationStrength"))
    missed = [each for each in gone if not (strength and each.lower() in SECOND_FACTORS)]
    if missed and (not either or {"mfa", "block"} & {each.lower() for each in missed}):
        yield f"control {_few(missed)} dropped"
    if either and come and "block" not in {each.lower() for each in come} and not gone:
        yield f"control {_few(come)} as good as the others"


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _named(values: Sequence[object]) -> dict[str, object]:
    """Return the items of a list by what names them."""
    named: dict[str, object] = {}
    for place, each in enumerate(values):
        name = (each.get("id") or each.get("displayName") or str(place)) if isinstance(each, Mapping) else each
        named[str(name)] = each
    return named


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def _value(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, Mapping) else None


def _parsed(text: object) -> object:
    """Return JSON that stands in text, up to twice."""
    value = text
    for _ in range(2):
        if not isinstance(value, str):
            break
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            break
    return value


def _seen(frame: Frame, row: int, losses: tuple[str, ...]) -> Detection:
    who, what = initiator(frame.text("InitiatedBy")[row]), target(frame.text("TargetResources")[row])
    statement = f"{who or 'somebody'} changed {what or 'a policy'} at {frame.moment(row)}: {'; '.join(losses[:4])}"
    operation = frame.text("OperationName")[row]
    methods = operation.lower() in METHODS
    entities = [Entity(kind="account", value=who)] if who else []
    claims = [frame.counted(f"changes named “{operation}”", equals("OperationName", operation))]
    techniques = ("T1556.006",) if methods else WEAKENED.techniques
    return WEAKENED.detection(
        frame, "medium", statement, [row], entities=entities, claims=claims, techniques=techniques
    )  # fmt: skip
