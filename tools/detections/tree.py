"""Trees of tests, as `compiling` makes them: what they speak of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["Tree", "Unsupported", "fields_of", "over_lines", "tests_of"]

Tree = list[Any]
"""["and" | "or", trees], ["not", tree] or a test; its forms are told in `compiling`."""


class Unsupported(ValueError):
    """A sound rule that this engine does not evaluate; the text is the reason it is counted under."""


def tests_of(tree: Tree) -> Iterator[Tree]:
    """Yield the tests of a tree."""
    if tree[0] in ("and", "or"):
        for child in tree[1]:
            yield from tests_of(child)
    elif tree[0] == "not":
        yield from tests_of(tree[1])
    else:
        yield tree


def fields_of(tree: Tree) -> Iterator[str]:
    """Yield the fields that a tree's tests name; a test of any text names none."""
    for test in tests_of(tree):
        if test[1] is not None:
            yield test[1]
        if test[0] == "same":
            yield test[2]


def over_lines(tree: Tree) -> Tree:
    """Return a tree in whose regexes a point is a line break too: a script on a command line has many lines."""
    if tree[0] in ("and", "or"):
        return [tree[0], [over_lines(child) for child in tree[1]]]
    if tree[0] == "not":
        return ["not", over_lines(tree[1])]
    return ["regex", tree[1], f"(?s){tree[2]}"] if tree[0] == "regex" else tree
