"""Which model is asked, what is done about a limit, and what is said of it: a table of cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_analyst.tools.guard import load_policy
from soc_analyst.tools.models import catalogue, parse_model_spec
from soc_analyst.tools.models.candidates import alternatives, candidate_for
from soc_analyst.tools.models.choosing import Candidate, Remedy, choose
from soc_analyst.tools.models.limiter import Limiter, Used
from soc_analyst.tools.models.limits import Limits, Seen
from soc_analyst.tools.models.tokens import Count

CASES = [
    [cell.strip() for cell in line.split("|")]
    for line in Path(__file__).with_name("choices.txt").read_text("utf-8").splitlines()
    if line.strip() and not line.startswith("#")
]
DEFAULTS = {"tokens": "1000", "output": "1000", "context": "100000", "tpm": "50000", "rpm": "100", "usd": "0.01"}
ORDERS: list[Remedy] = ["switch", "split", "wait", "narrow"]


def candidate(text: str) -> Candidate:
    """Read `gpt-5-mini tokens=1000 used=40000`; `tier=no` is a model that the tier lacks, `?` what is not known."""
    name, *words = text.split()
    given = DEFAULTS | dict(word.split("=") for word in words)
    number = {key: None if value in ("?", "no") else float(value) for key, value in given.items()}
    limits = Limits(*(None if (n := number.get(key)) is None else int(n) for key in ("tpm", "rpm", "tpd", "rpd")))
    used = Used(*(int(number.get(key) or 0) for key in ("used", "requests", "used_day", "requests_day")))
    context = number["context"]
    return Candidate(
        parse_model_spec(f"openai:{name}"),
        Count(int(number["tokens"] or 0), given.get("exact") != "no"),
        int(number["output"] or 0),
        None if context is None else int(context),
        None if given.get("tier") == "no" else limits,
        used,
        number["usd"],
        number.get("wait") or 0.0,
    )


def options(text: str) -> dict[str, Any]:
    given: dict[str, Any] = {"max_usd": 1.0}
    for word in text.split():
        key, _, value = word.partition("=")
        if key == "order":
            given["over_limit"] = tuple(one for one in value.split(",") if one)
        else:
            given[key] = value == "yes" if key.startswith("can_") else float(value)
    return given


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_the_choice(case: list[str]) -> None:
    _, listed, given, expected, said = case
    choice = choose([candidate(one) for one in listed.split(";")], **options(given))
    action, model, *rest = expected.split()
    assert (choice.action, choice.candidate.spec.name) == (action, model)
    for word in rest:
        key, _, value = word.partition("=")
        assert float(getattr(choice, key)) == float(value)
    for words in filter(None, (part.strip() for part in said.split(";"))):
        assert words in " ".join(choice.warnings)
    if not said:
        assert choice.warnings == ()


def test_a_line_is_said_before_each_call() -> None:
    call = choose([candidate("gpt-5-mini used=10000 requests=9 tokens=4000 exact=no rpd=200")], max_usd=1.0)
    assert call.line() == (
        "openai:gpt-5-mini: about 4,000 tokens and at most 1,000 of answer, 4% of its context window, "
        "30% of the tier's tokens a minute, 10% of the tier's requests a minute, 0% of the tier's requests a day, "
        "at most $0.0100"
    )


@given(
    st.lists(
        st.builds(
            Candidate,
            st.sampled_from([parse_model_spec(f"openai:{name}") for name in catalogue().models]),
            st.builds(Count, st.integers(0, 2_000_000), st.booleans()),
            st.integers(0, 130_000),
            st.none() | st.integers(1, 1_000_000),
            st.none() | st.builds(Limits, *[st.none() | st.integers(1, 10_000_000)] * 4),
            st.builds(Used, *[st.integers(0, 1_000_000)] * 4),
            st.none() | st.floats(0, 5),
            st.floats(0, 90_000),
        ),
        min_size=1,
        max_size=4,
    ),
    st.lists(st.sampled_from(ORDERS), unique=True),
    st.floats(0, 3),
    st.floats(0, 3),
)
def test_nothing_is_asked_above_a_limit_or_the_dollars(
    candidates: list[Candidate], order: list[Remedy], most: float, spent: float
) -> None:
    choice = choose(candidates, max_usd=most, usd_spent=spent, over_limit=order)
    call = choice.candidate
    assert choice.action in ("ask", "stop", *order)
    if choice.action in ("ask", "switch", "wait"):
        assert call.limits is not None
        assert not call.usd or spent + call.usd <= most
        assert not any(share.over and share.alone for share in choice.shares)
    if choice.action in ("ask", "switch"):
        assert not any(share.over for share in choice.shares)
    if choice.action != "ask":
        assert choice.warnings


POLICIES = [
    ("openai:gpt-5-mini", "plan", ["catalogue"], "gpt-4.1-mini gpt-5.1 gpt-5 o4-mini", True),
    ("openai:gpt-5-mini", "plan", ["openai:gpt-5-mini", "openai:gpt-5*"], "gpt-5.1 gpt-5 gpt-5.2 gpt-5.4", False),
    ("openai:gpt-5-mini", "analyse", ["openai:gpt-5-nano", "openai:gpt-4o"], "gpt-5-nano gpt-4o", False),
    ("openai:gpt-5-mini", "plan", ["openai:gpt-5-nano"], "", False),
    ("openai:gpt-5-mini", "plan", ["openai:gpt-6"], "gpt-6", False),
    ("azure:soc-main", "plan", ["catalogue", "azure:soc-*", "azure:soc-spare"], "soc-spare", False),
    ("a@http://127.0.0.1:1", "plan", ["loopback", "b@http://127.0.0.1:1", "c@http://127.0.0.1:2"], "b", False),
]


@pytest.mark.parametrize(("wanted", "role", "allowed", "names", "some"), POLICIES)
def test_the_alternatives_of(wanted: str, role: Any, allowed: list[str], names: str, some: bool) -> None:
    found = [spec.name for spec in alternatives(parse_model_spec(wanted), role, allowed)]
    assert (set(names.split()) <= set(found)) if some else found == names.split()


def test_alternatives_have_the_role_and_are_not_the_model_itself() -> None:
    wanted = parse_model_spec("openai:gpt-5-mini")
    found = alternatives(wanted, "plan", load_policy().models)
    assert wanted not in found
    assert all("plan" in catalogue().models[spec.name].role for spec in found)
    assert len(found) == len(set(found)) > 3


def test_a_candidate_holds_what_is_known_of_its_model() -> None:
    limiter = Limiter(Limits(tpm=500_000, rpm=500))
    known = candidate_for(parse_model_spec("openai:gpt-5-mini"), Count(10_000), 200_000, tier="1", limiter=limiter)
    assert (known.context, known.output, known.limits) == (272_000, 128_000, Limits(tpm=500_000, rpm=500))
    assert known.usd == pytest.approx(10_000 * 0.25e-6 + 128_000 * 2e-6)
    own = candidate_for(parse_model_spec("llama3@http://127.0.0.1:8080"), Count(10_000, False), 4_000, tier="1")
    assert (own.context, own.output, own.limits, own.usd) == (None, 4_000, Limits(), 0.0)


def test_a_model_that_the_tier_lacks_is_known_from_what_answers_state() -> None:
    spec, limiter = parse_model_spec("openai:gpt-5-mini"), Limiter(Limits())
    assert candidate_for(spec, Count(10), 10, tier="free", limiter=limiter).limits is None
    limiter.learn(Seen(limit_tokens=30_000))
    assert candidate_for(spec, Count(10), 10, tier="free", limiter=limiter).limits == Limits(tpm=30_000)
