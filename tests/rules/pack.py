"""The rules of the pack by table and name, and the rows in `rows` that prove them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from soc_analyst.tools.detections import RuleSet, load_rules

RULES_FOLDER = Path(__file__).parents[2] / "tools/detections/rules"
ROWS_FOLDER = Path(__file__).with_name("rows")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
HOSTS = "Device"
"""What the names of the tables of hosts begin with."""


def read(path: Path) -> Any:
    """Return what a YAML file holds."""
    return yaml.load(path.read_text(encoding="utf-8"), LOADER)


RULES: dict[str, dict[str, Any]] = {
    f"{path.parent.name}/{path.stem}": read(path) for path in sorted(RULES_FOLDER.glob("*/*.yml"))
}
TABLES = sorted({name.partition("/")[0] for name in RULES})
NAME_OF = {rule["id"]: name for name, rule in RULES.items()}


@cache
def ours() -> RuleSet:
    """Return the pack as the product loads it."""
    return load_rules()


@cache
def of_table(table: str) -> RuleSet:
    """Return the rules of one table."""
    names = {id for id, name in NAME_OF.items() if name.startswith(f"{table}/")}
    return RuleSet(tuple(rule for rule in ours().rules if rule.id in names))
