"""The user's file of limits: the figures of an account's tiers, and what single models take. Every fault has its line.

source: Settings, Limits, on 2026-11-30
tiers:                                    # of OpenAI's models, by the catalogue's name
  gpt-4.1: {"2": {rpm: 5000, tpm: 450000}}
models:                                   # one model, as --model names it, whatever the tier
  azure:soc-gpt41: {rpm: 300, tpm: 50000}
  qwen3@http://127.0.0.1:11434/v1: {context: 8192, output: 1024}
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar, cast, get_args

from soc_analyst.state.errors import OperatorError, OperatorErrors
from soc_analyst.tools.guard.policy_file import Entry, read_entries

from .catalogue import catalogue
from .limits import Limits
from .spec import ModelSpec, parse_model_spec
from .tiers import Figures, Stated, Tier, default_figures

__all__ = ["read_figures"]

LIMITS = ("rpm", "tpm", "rpd", "tpd")
SIZES = ("context", "output")
TIERS: tuple[str, ...] = get_args(Tier)
LARGEST = 10**12
LEAST_CONTEXT = 512
LONGEST_SOURCE = 200

T = TypeVar("T")


def read_figures(path: Path | None) -> Figures:
    """Return the shipped figures with those of a file in their place; raise OperatorError with all its faults."""
    if path is None:
        return default_figures()
    top = read_entries(path)
    if not isinstance(top.value, dict):
        raise OperatorError("the file is a mapping of `tiers` and `models`", where=f"{path}:{top.line}")
    reader = _Reader(path)
    figures = reader.figures(top.value)
    if reader.faults:
        raise OperatorErrors.of(sorted(reader.faults, key=lambda fault: int(fault.where.rpartition(":")[2])))
    return figures


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.faults: list[OperatorError] = []

    def figures(self, top: Mapping[str, Entry]) -> Figures:
        """Return the figures; the shipped ones stay where the file names nothing."""
        self._known(top, ("source", "tiers", "models"))
        shipped = default_figures()
        own = self._named("tiers", top.get("tiers"), self._tiers)
        models = self._named("models", top.get("models"), self._stated)
        source = self._source(top["source"]) if "source" in top else str(self._path)
        tiers = {name: {**shipped.tiers.get(name, {}), **own.get(name, {})} for name in {**shipped.tiers, **own}}
        stated = {spec: one for name, one in models.items() if (spec := self._spec(name)) is not None}
        told = f"{source}; the rest from {shipped.source}"
        return Figures(told, tiers, shipped.estimated - own.keys(), stated)

    def _named(self, key: str, given: Entry | None, read: Callable[[str, Entry], T]) -> dict[str, T]:
        if given is None:
            return {}
        if not isinstance(given.value, dict):
            self._fault(given, f"{key}: a mapping is wanted, one line for each model")
            return {}
        return {name: read(name, entry) for name, entry in given.value.items()}

    def _tiers(self, name: str, given: Entry) -> Mapping[Tier, Limits]:
        known = catalogue().models
        if name not in known:
            self._fault(given, f"`{name[:80]}` is no model of the catalogue{_nearest(name, known)}; see `models`")
        if not isinstance(given.value, dict):
            self._fault(given, f'{name[:80]}: tiers are wanted, such as {{"1": {{rpm: 500, tpm: 30000}}}}')
            return {}
        self._known(given.value, TIERS, f"{name[:80]}.")
        own = {tier: one for tier, one in given.value.items() if tier in TIERS}
        return {
            cast(Tier, tier): Limits(**self._numbers(f"{name[:80]}.{tier}", one, LIMITS)) for tier, one in own.items()
        }

    def _stated(self, name: str, given: Entry) -> Stated:
        self._spec(name, given)
        found = self._numbers(name[:80], given, (*SIZES, *LIMITS))
        sizes = {size: found.pop(size) for size in SIZES if size in found}
        if 0 < sizes.get("context", LEAST_CONTEXT) < LEAST_CONTEXT:
            self._fault(given, f"{name[:80]}.context: no plan fits in less than {LEAST_CONTEXT} tokens")
        if sizes.get("output", 0) >= sizes.get("context", LARGEST):
            self._fault(given, f"{name[:80]}: the answer's tokens are a part of the context and must be fewer")
        return Stated(sizes.get("context"), sizes.get("output"), Limits(**found) if found else None)

    def _numbers(self, key: str, given: Entry, known: Iterable[str]) -> dict[str, int]:
        if not isinstance(given.value, dict):
            self._fault(given, f"{key}: figures are wanted, such as {{rpm: 500, tpm: 30000}}")
            return {}
        self._known(given.value, known, f"{key}.")
        return {name: self._number(f"{key}.{name}", one) for name, one in given.value.items() if name in known}

    def _number(self, key: str, given: Entry) -> int:
        value = given.value
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST:
            return value
        self._fault(given, f"{key}: a whole number above 0 is wanted")
        return LARGEST

    def _source(self, given: Entry) -> str:
        if isinstance(given.value, str) and given.value.strip():
            return " ".join(given.value.split())[:LONGEST_SOURCE]
        self._fault(given, "source: some words are wanted")
        return ""

    def _spec(self, name: str, given: Entry | None = None) -> ModelSpec | None:
        try:
            spec = parse_model_spec(name)
        except OperatorError:
            spec = ModelSpec("none")
        if spec.kind != "none":
            return spec
        if given is not None:
            self._fault(given, f"`{name[:80]}` names no model: write openai:NAME, azure:DEPLOYMENT or NAME@BASE_URL")
        return None

    def _known(self, given: Mapping[str, Entry], known: Iterable[str], prefix: str = "") -> None:
        for name in given.keys() - set(known):
            self._fault(given[name], f"`{prefix}{name[:60]}` is no key{_nearest(name, known)}")

    def _fault(self, at: Entry, message: str) -> None:
        self.faults.append(OperatorError(message, where=f"{self._path}:{at.key_line or at.line}"))


def _nearest(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean `{close[0]}`?" if close else f"; known are {', '.join(names)}" if len(names) < 9 else ""
