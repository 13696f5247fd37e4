"""One exchange with a model: the answer read as it is written, and cut where it does not end."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .troubles import FAULTS, NoCredential, Trouble, TroubleError, trouble_of

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage
    from langchain_openai.chat_models.base import BaseChatOpenAI

__all__ = ["CUT", "Completion", "Said", "complete"]

CUT = "cut"
"""Why an answer ended that we did not read on: it repeated itself, or was longer than any answer in tokens can be."""
_TAIL, _LOOK = 4_096, 4_096
_REPEATS = 0.025
"""The share to which the tail of an answer that only repeats itself can be packed; text and JSON stay above a fifth."""
_CHARACTERS = 12
"""Characters a token at most, in any language and in runs of spaces."""


@dataclass(frozen=True)
class Said:
    """A message of the exchange."""

    role: str
    text: str


@dataclass
class Completion:
    """What came. `used` is False where the server did not tell what was used."""

    pieces: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    refusal: str = ""
    finish: str = ""
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    used: bool = False
    begun: bool = False
    """Whether anything of an answer came: from then on it is paid for."""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def function(self) -> str:
        """Return the name of the function that was called, empty where none was."""
        return self.functions[0] if self.functions else ""

    @property
    def is_empty(self) -> bool:
        """Return whether it ended of itself without a word."""
        return not self.text.strip() and self.finish in ("", "stop", "tool_calls") and not self.refusal

    @property
    def text(self) -> str:
        """Return the arguments of the call, else what was said."""
        return "".join(self.arguments if self.functions else self.pieces)

    def add(self, message: AIMessage) -> int:
        """Take in a message or a part of one; return the characters it brought."""
        self.begun = True
        before = len(self.pieces) + len(self.arguments)
        text = message.text if isinstance(message.content, list) else message.content
        self.pieces += [str(text)] if text else []
        for call in _calls(message):
            self._call(call)
        self.refusal = str(message.additional_kwargs.get("refusal") or self.refusal)
        told = message.response_metadata
        self.finish = str(told.get("finish_reason") or self.finish)
        self.headers = told.get("headers") or self.headers
        self._count(message)
        return sum(len(one) for one in [*self.pieces, *self.arguments][before:])

    def _call(self, call: Mapping[str, Any]) -> None:
        """Keep the first call only: one answer is asked for."""
        if call.get("index"):
            return
        if call.get("name") and not self.functions:
            self.functions.append(str(call["name"]))
        if call.get("args"):
            self.arguments.append(str(call["args"]))

    def _count(self, message: AIMessage) -> None:
        used = message.usage_metadata
        if used is None:
            return
        self.used = True
        self.input_tokens = max(self.input_tokens, used["input_tokens"])
        self.output_tokens = max(self.output_tokens, used["output_tokens"])
        self.cached_tokens = max(self.cached_tokens, used.get("input_token_details", {}).get("cache_read") or 0)


def _calls(message: AIMessage) -> Sequence[Mapping[str, Any]]:
    """Return the calls of functions with their arguments as text."""
    from langchain_core.messages import AIMessageChunk

    if isinstance(message, AIMessageChunk):
        return [dict(one) for one in message.tool_call_chunks]
    whole: list[Mapping[str, Any]] = [{**one, "args": json.dumps(one["args"])} for one in message.tool_calls]
    return [*whole, *message.invalid_tool_calls][:1]


async def complete(
    client: BaseChatOpenAI,
    messages: Sequence[Said],
    options: Mapping[str, Any],
    completion: Completion,
    *,
    stream: bool,
    most: int,
) -> None:
    """Fill in what a model answers, at most so many tokens; raise TroubleError where it does not come to its end."""
    import httpx2
    import openai

    try:
        if stream:
            await _read(client, messages, options, completion, most * _CHARACTERS)
        else:
            completion.add(await client.ainvoke(_sent(messages), **options))
    except (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError, NoCredential, *FAULTS) as error:
        raise TroubleError(trouble_of(error)) from error
    if completion.finish == "content_filter":
        raise TroubleError(Trouble("refused", "content_filter"))


def _sent(messages: Sequence[Said]) -> list[Any]:
    return [(one.role, one.text) for one in messages]


async def _read(
    client: BaseChatOpenAI, messages: Sequence[Said], options: Mapping[str, Any], completion: Completion, most: int
) -> None:
    """Read an answer part by part, and leave it where it cannot become one any more."""
    length, looked = 0, 0
    parts: Any = client.astream(_sent(messages), **options)
    async with aclosing(parts):
        async for part in parts:
            length += completion.add(part)
            if length - looked >= _LOOK:
                looked = length
                if _repeats(completion.text) or length > most:
                    completion.finish = CUT
                    return


def _repeats(text: str) -> bool:
    """Return whether the tail of a text only says the same again and again."""
    tail = text[-_TAIL:].encode("utf-8", "replace")
    return len(tail) >= _TAIL and len(zlib.compress(tail)) < _REPEATS * len(tail)
