"""Handles of a million rows in a few megabytes: as numbers, of which Python's are made when one is asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt

__all__ = ["Named", "Numbers", "places_of"]


class Numbers(Sequence[int]):
    """Whole numbers by row."""

    def __init__(self, numbers: npt.NDArray[np.int64]) -> None:
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, at: int) -> int: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[int]: ...
    def __getitem__(self, at: int | slice) -> int | Sequence[int]:
        return Numbers(self._numbers[at]) if isinstance(at, slice) else int(self._numbers[at])

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers.tolist())


class Named(Sequence[str]):
    """The name of each row, one of few."""

    def __init__(self, names: Sequence[str], numbers: npt.NDArray[np.int64]) -> None:
        self._names = names
        self._numbers = numbers

    @classmethod
    def alone(cls, name: str, count: int) -> Named:
        """Return the one name of so many rows."""
        return cls((name,), np.broadcast_to(np.int64(0), count))

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        return Named(self._names, self._numbers[at]) if isinstance(at, slice) else self._names[self._numbers[at]]

    def __iter__(self) -> Iterator[str]:
        return (self._names[number] for number in self._numbers.tolist())

    def places(self) -> Mapping[str, npt.NDArray[np.int64]]:
        """Return which rows have each name."""
        order = np.argsort(self._numbers, kind="stable")
        borders = np.searchsorted(self._numbers[order], np.arange(len(self._names) + 1))
        return {
            name: order[start:end]
            for name, start, end in zip(self._names, borders[:-1].tolist(), borders[1:].tolist(), strict=True)
        }


def places_of(names: Sequence[str]) -> Mapping[str, npt.NDArray[np.int64]]:
    """Return which rows have each name."""
    if isinstance(names, Named):
        return names.places()
    places: dict[str, list[int]] = defaultdict(list)
    for row, name in enumerate(names):
        places[name].append(row)
    return {name: np.array(rows, np.int64) for name, rows in places.items()}
