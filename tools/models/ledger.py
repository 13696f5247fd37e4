"""The ledger of paid calls: what a model answered, on disk before it is used, so that no answer is paid for twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError, field_validator

from soc_analyst.state.base import Value
from soc_analyst.state.errors import EvidenceError
from soc_analyst.state.report import ModelCall
from soc_analyst.tools.files import write_atomically
from soc_analyst.tools.sealing import Seal, closed, opened

__all__ = ["Found", "Ledger", "PaidCall", "request_key"]

_FORMAT = 1
_LARGEST = 64_000_000
"""Bytes of a file that is read; answers are far smaller."""


class PaidCall(Value):
    """One answer of a model, as it came, and what it cost. Nothing of the request is kept."""

    model: str
    """The model that answered, as `--model` names it."""
    text: str = ""
    """The answer's text, or the arguments of the function that it called."""
    function: str = ""
    """The name of the function that it called, if any."""
    refusal: str = ""
    finish: str = ""
    """Why the answer ended, in the provider's word: `stop`, `length`, `content_filter`, `tool_calls` …"""
    input_tokens: int = Field(default=0, ge=0)
    cached_tokens: int = Field(default=0, ge=0)
    output_tokens: int = Field(default=0, ge=0)
    usd: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    estimated: bool = False
    """Whether tokens and dollars were counted here."""

    @field_validator("text", "function", "refusal", "finish", mode="before")
    @classmethod
    def _without_half_characters(cls, text: object) -> object:
        """Replace halves of surrogate pairs, which JSON can spell and no file can hold."""
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(text, str) else text

    def exchange(self, *, node: str, prompt: str = "", paid: bool = True) -> ModelCall:
        """Return the exchange for the usage; `paid` is False for an answer that was taken from the ledger.

        Its dollars count either way: the try that paid them was lost before its usage was kept.
        """
        return ModelCall(
            node=node,
            model=self.model,
            prompt=prompt,
            input_tokens=self.input_tokens,
            cached_tokens=self.cached_tokens,
            output_tokens=self.output_tokens,
            usd=self.usd,
            paid=paid,
            estimated=self.estimated,
        )


@dataclass(frozen=True)
class Found:
    """What the ledger holds under a key; `said` where a file is there but cannot be used."""

    call: PaidCall | None
    said: tuple[str, ...] = ()


class _Entry(Value):
    format: int
    key: str
    digest: str
    """SHA-256 of the call's JSON: what is torn or altered does not agree with it."""
    call: str


def request_key(parts: Mapping[str, object]) -> str:
    """Return the key of a request: equal for equal parts, in whatever order; the parts must be JSON.

    Steps that ask the same share an answer; a run counts it as spent once (`Memory.first`).
    """
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


class Ledger:
    """Paid calls below one folder, a file each, named by the hash of its request.

    Two processes may write at once: each file is whole, and the later of two equal requests replaces the earlier.
    Methods block; call them off the event loop.
    """

    def __init__(self, folder: Path, seal: Seal | None = None) -> None:
        self.folder = folder
        self._seal = seal

    def find(self, key: str) -> Found:
        """Return the answer that was paid for under a key, if it is there and whole."""
        path = self._path(key)
        try:
            with path.open("rb") as file:
                content = file.read(_LARGEST + 1)
        except FileNotFoundError:
            return Found(None)
        except OSError as error:
            return Found(
                None, (f"The paid call {path.name} cannot be read ({error.strerror}); the model is asked again.",)
            )
        call = self._call(content, path, key)
        if call is None:
            return Found(None, (f"The paid call {path.name} is torn or not ours; the model is asked again.",))
        return Found(call)

    def record(self, key: str, call: PaidCall) -> None:
        """Keep an answer; on return it outlasts a crash. Raises OSError where the disk does not take it."""
        text = call.model_dump_json()
        entry = _Entry(format=_FORMAT, key=key, digest=_digest(text), call=text)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(key)
        write_atomically(path, closed(entry.model_dump_json().encode(), self._name(path), self._seal))

    def _call(self, content: bytes, path: Path, key: str) -> PaidCall | None:
        try:
            return _read(opened(content, self._name(path), self._seal), key)
        except EvidenceError:
            return None

    def _name(self, path: Path) -> str:
        """Return the name that a call is sealed under, as the folder of its case has it."""
        return f"cases/{self.folder.parent.name}/{self.folder.name}/{path.name}"

    def _path(self, key: str) -> Path:
        if len(key) != 64 or set(key) - set("0123456789abcdef"):
            raise ValueError("the key of a paid call is a SHA-256 in hexadecimal digits")
        return self.folder / f"{key}.json"


def _read(content: bytes, key: str) -> PaidCall | None:
    if len(content) > _LARGEST:
        return None
    try:
        entry = _Entry.model_validate_json(content)
        if entry.format != _FORMAT or entry.key != key or entry.digest != _digest(entry.call):
            return None
        return PaidCall.model_validate_json(entry.call)
    except ValidationError:
        return None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
