"""How a host calls our tools: with or without an event loop, and with errors that are one clear line."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, ValidationError
from pydantic.v1 import ValidationError as ValidationErrorV1

from soc_analyst.graph.bridging import outside_loop
from soc_analyst.settings import Settings
from soc_analyst.state.errors import SocAnalystError
from soc_analyst.tools.secrets import without_secrets

__all__ = ["one_line", "tool_of"]

P = ParamSpec("P")
R = TypeVar("R")
LONGEST = 800


def tool_of(
    ask: Callable[P, Coroutine[Any, Any, str]], *, name: str, description: str, arguments: type[BaseModel]
) -> BaseTool:
    """Return a tool that answers with text, for hosts that wait for it and for those that do not."""
    aimed = _told(ask)

    def asked(*args: P.args, **given: P.kwargs) -> str:
        return outside_loop(lambda: aimed(*args, **given))

    return StructuredTool.from_function(
        asked,
        aimed,
        name=name,
        description=description,
        args_schema=arguments,
        handle_tool_error=True,
        handle_validation_error=misused,
    )


def misused(error: ValidationError | ValidationErrorV1) -> str:
    """Return what is wrong with the arguments of a call."""
    faults = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    return f"The arguments are not right: {'; '.join(faults)}"[:LONGEST]


def one_line(error: SocAnalystError) -> str:
    """Return an error as one line that holds no secret."""
    return without_secrets(" ".join(str(error).split()), Settings.secrets())[:LONGEST]


def _told(ask: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    async def aimed(*args: P.args, **given: P.kwargs) -> R:
        try:
            return await ask(*args, **given)
        except SocAnalystError as error:
            raise ToolException(one_line(error)) from error

    return aimed
