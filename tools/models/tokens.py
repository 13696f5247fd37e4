"""How many tokens a text or a request takes, exactly where the model's encoding is known."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tiktoken.model import encoding_name_for_model

from .catalogue import catalogue
from .encodings import EncodingName, encoding

__all__ = ["Count", "count", "count_off_loop", "count_request", "encoding_for"]

_NEAREST: EncodingName = "o200k_base"
"""For models whose own encoding is unknown: that of the current models of OpenAI."""
_SAME: Mapping[str, EncodingName] = {
    "o200k_base": "o200k_base",
    "o200k_harmony": "o200k_base",
    "cl100k_base": "cl100k_base",
}
"""The encodings that are counted exactly; harmony differs from o200k in special tokens alone, which no text becomes."""

_STRETCH = 65_536
"""Characters that are encoded at a time: above some hundred thousand spaces the pattern overruns its stack."""
_EDGE = re.compile(r"(?<=[A-Za-z0-9])(?= )|(?<=\n)(?=[^\s/])")
"""Where a text can be cut without a change of its tokens: no piece of either pattern goes on over such a place."""

_PER_MESSAGE = 4
"""Tokens around each message of a chat: its opening, its role and its end."""
_PER_REPLY = 3
"""Tokens that open the reply."""
_PER_SCHEMA = 16
"""Tokens around a schema or a function: an estimate from above, since no provider publishes the figure."""


@dataclass(frozen=True)
class Count:
    """A number of tokens. `exact` is False where the encoding is the nearest known or a text had to be cut anywhere."""

    tokens: int
    exact: bool = True

    def __add__(self, other: Count) -> Count:
        return Count(self.tokens + other.tokens, self.exact and other.exact)


def encoding_for(model: str) -> tuple[EncodingName, bool]:
    """Return the encoding to count a model's tokens by, and whether it is the model's own.

    A model is named as in the catalogue or as `--model` names it.
    """
    name = _bare(model)
    known = catalogue().known(name)
    if known is not None:
        return catalogue().models[known].encoding, True
    try:
        own = encoding_name_for_model(name)
    except KeyError:
        return _NEAREST, False
    return (_SAME[own], True) if own in _SAME else ("cl100k_base", False)


def _bare(model: str) -> str:
    return model.partition("@")[0].removeprefix("openai:").removeprefix("azure:")


def count(text: str, model: str) -> Count:
    """Return the tokens of a text. Special tokens in it are counted as the text they are.

    Takes time in proportion to the text. The first call of a process loads the encoding (0.2 to 0.5 s).
    """
    name, exact = encoding_for(model)
    encode = encoding(name).encode_ordinary
    tokens = 0
    for piece, whole in _stretches(text):
        tokens += len(encode(piece))
        exact = exact and whole
    return Count(tokens, exact)


async def count_off_loop(text: str, model: str) -> Count:
    """Return what `count` does, without holding up the event loop."""
    return await asyncio.to_thread(count, text, model)


def _stretches(text: str) -> Iterator[tuple[str, bool]]:
    """Yield a text in stretches, each with whether it ends where no token is cut."""
    start = 0
    while len(text) - start > _STRETCH:
        end, whole = _cut(text, start)
        yield text[start:end], whole
        start = end
    yield text[start:], True


def _cut(text: str, start: int) -> tuple[int, bool]:
    edge = _EDGE.search(text, start + _STRETCH // 2, start + _STRETCH)
    if edge is not None and edge.start() > start:
        return edge.start(), True
    return start + _STRETCH, False


def count_request(
    system: str, user: str, model: str, *, schemas: Iterable[Mapping[str, object]] = (), earlier: Sequence[str] = ()
) -> Count:
    """Return the tokens of a chat request: its messages, what frames them, and its JSON schemas or functions.

    `earlier` are further messages, such as a rejected answer and the request to repair it. How a provider writes out
    schemas is not published: they are counted as compact JSON, which is not less. `exact` speaks of the encoding.
    """
    messages = [system, user, *earlier]
    total = Count(_PER_REPLY + _PER_MESSAGE * len(messages))
    for text in messages:
        total += count(text, model)
    for schema in schemas:
        total += count(json.dumps(schema, ensure_ascii=False, separators=(",", ":")), model) + Count(_PER_SCHEMA)
    return total
