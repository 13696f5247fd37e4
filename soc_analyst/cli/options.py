"""Options shared by commands, made from the fields of `Context`: one description, one default, one check."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError

from soc_analyst.graph.context import Context
from soc_analyst.settings import Settings
from soc_analyst.state.errors import OperatorError

if TYPE_CHECKING:
    from soc_analyst.tools.records.folder import DataDir

__all__ = ["ALL", "LOOKING", "data_at", "data_root", "with_context", "with_default_model"]

LOOKING = ("workspace", "now", "since", "until", "policy", "data_dir")
"""What a command needs that only looks at logs."""
ALL = tuple(Context.model_fields)
PLAIN: dict[str, Any] = {
    "max_rounds": int, "max_queries": int, "max_rows": int, "max_usd": float, "max_seconds": float, "warn_ratio": float,
    "repeat": int, "memory": bool,
}  # fmt: skip
METAVARS = {
    "workspace": "SPEC", "model": "SPEC", "now": "ISO", "since": "ISO", "until": "ISO", "alert": "ID", "repeat": "N",
    "memory": "",
    "max_rounds": "N", "max_queries": "N", "max_rows": "N", "max_usd": "X", "max_seconds": "S",
    "approve": "auto|costly|always",
    "policy": "FILE", "sigma_rules": "DIR", "attack_data": "FILE", "known_good": "FILE", "data_dir": "DIR",
    "evidence": "URL",
    "privacy": "off|personal|all", "tier": "free|1|2|3|4|5",
    "warn_ratio": "X", "over_limit": "LIST", "limits": "FILE",
}  # fmt: skip

OF_MODELS = ("model", "repeat", "privacy", "tier", "warn_ratio", "over_limit", "limits")


def with_context(*names: str, model_checked: bool = True) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command the named options and hand it the `Context` they make; it may check the model itself."""

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        own = inspect.signature(command)
        hints = typing.get_type_hints(command, include_extras=True)

        @functools.wraps(command)
        def wrapped(**given: Any) -> int:
            options = {name: given.pop(name) for name in names}
            return command(context=_context(options, model_checked), **given)

        kept = [p.replace(annotation=hints[name]) for name, p in own.parameters.items() if name != "context"]
        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_annotation(name))
            for name in names
        ]
        signature = own.replace(parameters=[*kept, *added], return_annotation=int)
        wrapped.__signature__ = signature  # type: ignore[attr-defined]
        wrapped.__annotations__ = {name: p.annotation for name, p in signature.parameters.items()}
        return wrapped

    return decorate


def _annotation(name: str) -> Any:
    field = Context.model_fields[name]
    chosen = ",".join(field.default) if isinstance(field.default, tuple) else field.default
    default = "" if chosen in (None, "", False) else rf" \[default: {chosen}]"  # escaped: it is no markup
    option = typer.Option(
        f"--{name.replace('_', '-')}",
        metavar=METAVARS[name],
        help=f"{field.description}{default}",
        show_default=False,
        rich_help_panel=_panel(name),
    )
    return Annotated[PLAIN.get(name, str) | None, option]


def _panel(name: str) -> str:
    if name in OF_MODELS:
        return "Language model"
    return "Budgets" if name.startswith("max_") else "Where and when"


def _context(given: dict[str, Any], model_checked: bool) -> Context:
    settings = Settings.from_environment()
    values = {name: value for name, value in given.items() if value is not None}
    if settings.data_dir is not None:
        values.setdefault("data_dir", settings.data_dir)
    if settings.model is not None and "model" in given:
        values.setdefault("model", settings.model)
    try:
        context = Context.model_validate(values)
    except ValidationError as error:
        raise _said(error) from error
    if context.limits is not None:
        _require_limits(context.limits)
    if "model" not in given:
        return context
    if context.model != "none" and model_checked:
        _require_model(context)
    return context if "model" in values else with_default_model(context, checked=model_checked)


def _require_model(context: Context) -> None:
    """Refuse a model before a command begins to ask or to write; the graph refuses it again."""
    from soc_analyst.graph.desk.desk import model_for, policy_for

    model_for(context, policy_for(context))


def _require_limits(path: Path) -> None:
    """Tell the faults of a file before anything is written."""
    from soc_analyst.tools.models.limits_file import read_figures

    read_figures(path)


def with_default_model(context: Context, *, checked: bool = True) -> Context:
    """Take the catalogue's default where a key for it is set and policy allows it.

    A command that checks the model itself checks the policy too, and tells of a broken one in its own way.
    """
    if not Settings.from_environment().openai_key_present:
        return context
    from soc_analyst.graph.desk.desk import model_for, policy_for
    from soc_analyst.tools.models import catalogue, model_is_allowed, parse_model_spec

    chosen = context.model_copy(update={"model": f"openai:{catalogue().default}"})
    try:
        policy = policy_for(context)
    except OperatorError:
        if checked:
            raise
        return chosen
    if not model_is_allowed(parse_model_spec(chosen.model), policy.models):
        return context
    if checked:
        model_for(chosen, policy)
    return chosen


def _said(error: ValidationError) -> OperatorError:
    first = error.errors()[0]
    if first["type"].startswith("datetime"):
        first["msg"] = "is no ISO 8601 time, such as 2026-03-04T14:00:00Z"
    name = str(first["loc"][0]).replace("_", "-") if first["loc"] else "option"
    told = first["msg"].removeprefix("Value error, ")
    given = "" if name == "evidence" else f" (given: {str(first['input'])[:60]!r})"  # it may hold a secret
    return OperatorError(f"{told}{given}", where=f"--{name}")


DataDirOption = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", help="Where cases and findings are kept.", show_default=False),
]


def data_at(given: Path | None) -> DataDir:
    """Return the data folder of such a command, with the key that it is sealed with."""
    from soc_analyst.tools.records.folder import DataDir

    return DataDir(data_root(given), Settings.seal())


def data_root(given: Path | None) -> Path:
    """Return the data folder of a command that takes no other option."""
    return given or Settings.from_environment().data_dir or Context().data_dir
