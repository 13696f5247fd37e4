"""The rules of a run, the built-in pack and the user's own; and what the tenant knows to be good."""

from __future__ import annotations

from datetime import datetime

from soc_analyst.tools.detections import RuleSet, load_rules
from soc_analyst.tools.detections.known_good import KnownGood, read_known_good

from .desk import Desk

__all__ = ["known_good_for", "rules_for"]


def rules_for(desk: Desk) -> RuleSet:
    """Return the built-in rules and those of `--sigma-rules`. Blocks."""
    folders = (desk.context.sigma_rules,) if desk.context.sigma_rules is not None else ()
    return load_rules(folders, cache_dir=desk.data.root / "rules")


def known_good_for(desk: Desk, now: datetime) -> KnownGood:
    """Return what `--known-good` says at a moment of the investigation's clock. Blocks."""
    return KnownGood() if desk.context.known_good is None else read_known_good(desk.context.known_good, now)
