"""What a case stood on, as far as it takes to ask again: workspace, policy, rules, ATT&CK."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.attack import AttackCatalog
from soc_analyst.tools.detections import RuleSet, load_rules
from soc_analyst.tools.guard import Policy, load_policy
from soc_analyst.tools.logs.tables import allowed_schemas, load_tables

__all__ = ["Ground"]


@dataclass(frozen=True)
class Ground:
    """The place of a case. Rules and the catalogue are read only when they are asked for."""

    policy: Policy = field(default_factory=lambda: load_policy(None, load_tables()))
    workspace: str = "sample"
    now: datetime | None = None
    """The investigation's clock, where it was set."""
    policy_file: Path | None = None
    rules: Callable[[], RuleSet] = load_rules
    catalog: Callable[[], AttackCatalog] = AttackCatalog.bundled

    @property
    def tables(self) -> Mapping[str, TableSchema]:
        """Return the tables and columns that policy allows."""
        return allowed_schemas(load_tables(), self.policy.tables)
