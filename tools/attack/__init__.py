"""The ATT&CK catalogue: what a technique id means, and what became of retired ones."""

from .catalog import KILL_CHAIN, AttackCatalog, Retired, Technique

__all__ = ["KILL_CHAIN", "AttackCatalog", "Retired", "Technique"]
