"""Functions and aggregates that the engine's library lacks, or answers otherwise than Kusto documents.

They are added to our own copy of the library's tables, never to the one that a host application may import.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .addresses import ADDRESSES
from .aggregates import AGGREGATES, Aggregate
from .dynamics import DYNAMICS
from .forms import Form
from .text import TEXT
from .times import TIMES

__all__ = ["FORMS", "add_to"]

FORMS: Mapping[str, Form] = {**TEXT, **ADDRESSES, **DYNAMICS, **TIMES}


def add_to(emitter: Any, tables: Any) -> None:
    """Add the rows to the library's modules `translate` and `translate.functions`."""
    for name, form in FORMS.items():
        tables.SCALAR_FUNCTIONS[name] = tables.FunctionSpec(name, "template", "")
        emitter._SPECIAL_FORMS[name] = _rendered(emitter, name, form)
    # Where the library looks for functions around an aggregate it knows those of its list alone.
    tables.SCALAR_FUNCTIONS.setdefault("strcat_array", tables.FunctionSpec("strcat_array", "template", ""))
    for name, row in AGGREGATES.items():
        tables.AGGREGATE_FUNCTIONS[name] = _aggregate(tables, name, row)


def _aggregate(tables: Any, name: str, row: Aggregate) -> Any:
    class Spec(tables.AggregateSpec):  # type: ignore[misc]
        def render(self, args: list[str]) -> str:
            if len(args) == row.takes + 1 and row.longer:
                return row.longer.format(*args)
            return str(super().render(args))

    return Spec(name, row.template, (row.takes,))


def _rendered(emitter: Any, name: str, form: Form) -> Callable[[Any], str]:
    def render(node: Any) -> str:
        args = [emitter.render_expr(arg) for arg in node.args]
        if form.takes and len(args) not in form.takes:
            raise emitter.KqlUnsupportedError(f"function:{name}", hint=f"not with {len(args)} arguments")
        try:
            return form.write(args, node.args) if form.sees else form.write(*args)
        except ValueError as error:
            raise emitter.KqlUnsupportedError(f"function:{name}", hint=str(error)) from None

    return render
