"""What a case stood on, from the options it was asked with."""

from __future__ import annotations

from functools import partial

from soc_analyst.graph.context import Context
from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.detections import load_rules
from soc_analyst.tools.records.folder import DataDir
from soc_analyst.tools.records.reproducing import Ground

from .catalogs import catalog_for
from .desk import policy_for

__all__ = ["ground_of"]


def ground_of(thread_id: str, data: DataDir) -> Ground:
    """Return the ground of a case; raise OperatorError where its policy cannot be read. Blocks."""
    header = data.folder(thread_id).header()
    if header is None:
        raise OperatorError("no such case; `soc-analyst threads` lists them", where=f"thread {thread_id}")
    context = Context.model_validate({**header.options, "data_dir": data.root})
    folders = (context.sigma_rules,) if context.sigma_rules is not None else ()
    return Ground(
        policy=policy_for(context),
        workspace=context.workspace,
        now=context.now,
        policy_file=context.policy,
        rules=partial(load_rules, folders, cache_dir=data.root / "rules"),
        catalog=partial(catalog_for, context),
    )
