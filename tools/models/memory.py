"""What a run learned of its models: which it does not ask again, what each takes, and how."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from .base import Form
from .forms import Manner, first_manner
from .spec import ModelSpec
from .troubles import Kind, Trouble

__all__ = ["Memory", "memory_of"]


class Memory:
    """Shared by all that ask within one run. Holds no text of a request or an answer."""

    def __init__(self, run: str = "") -> None:
        self.run = run
        self._lost: dict[tuple[str, str, str], Trouble] = {}
        self._failed: Counter[tuple[ModelSpec, Kind]] = Counter()
        self._manners: dict[tuple[ModelSpec, Form], Manner] = {}
        self._contexts: dict[ModelSpec, int] = {}
        self._counted: set[str] = set()

    def first(self, key: str) -> bool:
        """Return whether an answer is met for the first time in this run: only then it counts as spent."""
        new = key not in self._counted
        self._counted.add(key)
        return new

    def lost(self, spec: ModelSpec) -> Trouble | None:
        """Return why a model is not asked any more in this run, None where it is."""
        return self._lost.get(_place(spec, everywhere=True)) or self._lost.get(_place(spec, everywhere=False))

    def note(self, spec: ModelSpec, trouble: Trouble, tokens: int) -> None:
        """Keep that a request of so many tokens failed; after as many as its kind allows the model is given up."""
        if trouble.kind == "too_long":
            self._contexts[spec] = trouble.context or tokens * 3 // 4
        self._failed[(spec, trouble.kind)] += 1
        if trouble.meaning.asks is not None and self._failed[(spec, trouble.kind)] >= trouble.meaning.asks:
            self._lost[_place(spec, everywhere=trouble.meaning.everywhere)] = trouble

    def answered(self, spec: ModelSpec) -> None:
        """Keep that a model answered: what failed before does not count any more."""
        self._failed = Counter({one: times for one, times in self._failed.items() if one[0] != spec})

    def context(self, spec: ModelSpec) -> int | None:
        """Return the tokens of request and answer that a model said it takes."""
        return self._contexts.get(spec)

    def manner(self, spec: ModelSpec, preferred: Form) -> Manner:
        """Return how a model is asked."""
        return self._manners.get((spec, preferred)) or first_manner(spec, preferred)

    def keep(self, spec: ModelSpec, preferred: Form, manner: Manner) -> None:
        """Ask a model in this manner from now on."""
        self._manners[(spec, preferred)] = manner


def _place(spec: ModelSpec, *, everywhere: bool) -> tuple[str, str, str]:
    return (spec.kind, spec.base_url, "" if everywhere else spec.name)


@lru_cache(maxsize=64)
def memory_of(run: str) -> Memory:
    """Return the memory of a run, the same for all its steps in this process."""
    return Memory(run)
