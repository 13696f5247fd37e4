"""How a function that the library lacks is written: a form takes the SQL of its arguments and gives SQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Form", "constant", "fixed", "json_list", "once", "quote", "whole"]


@dataclass(frozen=True)
class Form:
    """One function: how many arguments it takes, and its SQL.

    `write` gets the arguments as SQL; where `sees` is set it gets the library's nodes too, to read constants from them.
    No argument counts means any number.
    """

    write: Callable[..., str]
    takes: tuple[int, ...] = ()
    sees: bool = False


def fixed(write: Callable[..., str], *takes: int) -> Form:
    """Return the form of a function of so many arguments."""
    return Form(write, takes)


def once(sql: str, body: str, name: str = "_v") -> str:
    """Return `body` with `name` standing for the value of `sql`, which is computed once."""
    return f"list_transform([{sql}], lambda {name}: {body})[1]"


def quote(text: str) -> str:
    """Return text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def whole(sql: str) -> str:
    """Return a number as a whole one, null where it is none."""
    return f"TRY_CAST({sql} AS BIGINT)"


def json_list(sql: str) -> str:
    """Return an array, whether JSON or a list of the engine, as a list of JSON; null where it is no array."""
    return f"(CASE WHEN json_type(to_json({sql})) = 'ARRAY' THEN TRY_CAST(to_json({sql}) AS JSON[]) END)"


def constant(node: Any) -> Any:
    """Return the value of a literal of the library's form, and None for all else."""
    return getattr(node, "value", None) if type(node).__name__ == "Literal" else None
