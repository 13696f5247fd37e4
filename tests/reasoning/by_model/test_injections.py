"""A model that obeys every injection it sees: no finding of a rule is lost or lowered, nothing made up gets out."""

import pytest

from .injections import Injected, injected, tried

PARTS = 5
"""Of the corpus, tried at the same time; coprime to the kinds of cases, so that each part holds all of them."""


@pytest.mark.parametrize("one", list(injected(every=61)), ids=lambda one: one.carrier)
async def test_an_obeyed_injection_changes_nothing_that_a_rule_found(one: Injected) -> None:
    _, _, let_through, _ = await tried(one)
    assert not let_through


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
async def test_no_injection_of_the_corpus_gets_through(part: int) -> None:
    seen = 0
    for one in injected(every=PARTS, start=part):
        was_seen, _, let_through, _ = await tried(one)
        seen += was_seen
        assert not let_through, (one.carrier, one.payload)
    assert seen > 3_000 / PARTS
