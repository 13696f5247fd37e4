"""The rules of a run: the built-in pack and the user's own."""

from __future__ import annotations

from soc_analyst.tools.detections import RuleSet, load_rules

from .desk import Desk

__all__ = ["rules_for"]


def rules_for(desk: Desk) -> RuleSet:
    """Return the built-in rules and those of `--sigma-rules`. Blocks."""
    folders = (desk.context.sigma_rules,) if desk.context.sigma_rules is not None else ()
    return load_rules(folders, cache_dir=desk.data.root / "rules")
