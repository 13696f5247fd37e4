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


NAMES = [f"{path.parent.name}/{path.stem}" for path in sorted(RULES_FOLDER.glob("*/*.yml"))]
TABLES = sorted({name.partition("/")[0] for name in NAMES})


@cache
def rule(name: str) -> dict[str, Any]:
    """Return a rule as its file says it, read when a test asks: who only collects the tests needs the names alone."""
    found: dict[str, Any] = read(RULES_FOLDER / f"{name}.yml")
    return found


@cache
def name_of() -> dict[str, str]:
    """Return the names of the rules by id."""
    return {rule(name)["id"]: name for name in NAMES}


@cache
def ours() -> RuleSet:
    """Return the pack as the product loads it."""
    return load_rules()


@cache
def of_table(table: str) -> RuleSet:
    """Return the rules of one table."""
    names = {rule(name)["id"] for name in NAMES if name.startswith(f"{table}/")}
    return RuleSet(tuple(each for each in ours().rules if each.id in names))
