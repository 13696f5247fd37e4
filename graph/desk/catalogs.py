"""The ATT&CK catalogue of a run: the one that ships with the product, or the user's own."""

from __future__ import annotations

from soc_analyst.tools.attack import AttackCatalog

from ..context import Context

__all__ = ["catalog_for"]


def catalog_for(context: Context) -> AttackCatalog:
    """Return the catalogue in use; raise OperatorError where the user's file is none. Blocks."""
    return AttackCatalog.bundled() if context.attack_data is None else AttackCatalog.of_file(context.attack_data)
