"""The planner that asks a language model, on a floor of what the rules would ask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from soc_analyst.state.findings import Hypothesis
from soc_analyst.state.plans import Plan
from soc_analyst.state.queries import PlannedQuery, asked_key
from soc_analyst.tools.models.base import Answer, Asker, Request
from soc_analyst.tools.privacy import Pseudonyms, fenced
from soc_analyst.tools.reasoning.base import Planned, Situation
from soc_analyst.tools.reasoning.by_rules.planner import RulesPlanner

from .plan_answer import PlanAnswer, plan_form
from .plan_floor import floor, with_whole_rows
from .plan_queries import proposed, window_read
from .plan_short import details_below, short_plan_form
from .plan_showing import shown
from .prompts import load_prompt

__all__ = ["ModelPlanner", "plan_request"]

BENIGN = "What was seen is the ordinary work of these systems and their users."
MOST_HYPOTHESES = 12
MAX_OUTPUT_TOKENS = 6_000
SHORT_OUTPUT = 1_000
MOST_ASKED = 3
"""Requests for one plan: what is too large a second time is too large for this model."""


@dataclass(frozen=True)
class ModelPlanner:
    """Plans by a model: it chooses tables, fields, time and filters; code makes that well-formed and adds the floor."""

    asker: Asker
    pseudonyms: Pseudonyms

    async def plan(self, situation: Situation) -> Planned | None:
        """Return the next round's plan, or None where there is nothing to plan with.

        Where the model gives nothing usable the plan is that of the rules, with what the exchange cost and why.
        """
        if situation.queries_left < 1 or not situation.tables:
            return None
        answer = await self._answer(situation)
        if answer.value is None:
            why = "no request that fits a model gave one" if answer.too_large else "the model gave no plan"
            return _by_rules(situation, answer, why)
        return self._planned(answer.value, answer, situation)

    async def _answer(self, situation: Situation) -> Answer[PlanAnswer]:
        """Return what the model answers; where all fits no model, over what can tell most, and says so."""
        answer = await self.asker.ask(plan_request(situation, self.pseudonyms))
        below = list(details_below(situation))
        asked = 1
        for at, (detail, fewer, told) in enumerate(below, 1):
            if not answer.too_large or asked == MOST_ASKED:
                break
            request = plan_request(fewer, self.pseudonyms, short=detail.short)
            if at < len(below) and (await self.asker.size(request)).room < 0:
                continue
            asked += 1
            again = await self.asker.ask(request)
            said = again.said if again.value is None else (told, *again.said)
            answer = replace(again, calls=(*answer.calls, *again.calls), said=said)
        return answer

    def _planned(self, value: PlanAnswer, answer: Answer[PlanAnswer], situation: Situation) -> Planned:
        window, of_window = window_read(value, situation, self.pseudonyms)
        if window is not None:
            situation = replace(situation, reading=situation.reading.model_copy(update={"window": window}))
        made = proposed(value, situation.reading.window, situation, self.pseudonyms)
        fresh, repeated = _fresh(made.queries, situation)
        said = [*answer.said, *filter(None, [of_window]), *made.said, *_of_repeats(repeated, situation)]
        if not fresh and not (value.reason.strip() and not value.queries):
            ruled = _by_rules(situation, answer, "the model planned nothing that can be asked anew")
            return replace(ruled, window=window, said=(*said, *ruled.said[len(answer.said) :]))
        below = floor(situation, fresh)
        reason = fenced(self.pseudonyms.reveal(value.reason), limit=600)
        plan = Plan(
            round=situation.round,
            queries=_within(situation, below.queries, fresh),
            rationale=reason or below.rationale,
            given_up=below.given_up,
        )
        hypotheses = self._hypotheses(value, situation)
        return Planned(plan=plan, hypotheses=hypotheses, window=window, calls=answer.calls, said=tuple(said))

    def _hypotheses(self, value: PlanAnswer, situation: Situation) -> tuple[Hypothesis, ...]:
        """Return the hypotheses so far with the model's new ones; a benign one is always among them."""
        told = [fenced(self.pseudonyms.reveal(one.statement), limit=240) for one in value.hypotheses]
        benign = [] if any(one.benign for one in value.hypotheses) or situation.hypotheses else [BENIGN]
        known = {one.statement.casefold(): one for one in situation.hypotheses}
        for statement in [*benign, *filter(None, told)]:
            known.setdefault(statement.casefold(), Hypothesis(statement=statement))
        return tuple(known.values())[:MOST_HYPOTHESES]


def plan_request(situation: Situation, pseudonyms: Pseudonyms, *, short: bool = False) -> Request[PlanAnswer]:
    """Return what a model is asked for the plan of a round; a small one is asked in few words."""
    prompt = load_prompt("plan_short" if short else "plan")
    values = shown(situation, pseudonyms, short=short)
    return Request(
        node="planner",
        purpose=f"plan of round {situation.round}",
        system=prompt.system,
        user=prompt.user(**{name: values[name] for name in prompt.variables}),
        answer=short_plan_form(situation.tables) if short else plan_form(situation.tables),
        prompt=prompt.version,
        role="plan",
        form="schema" if short else "function",
        max_output_tokens=SHORT_OUTPUT if short else MAX_OUTPUT_TOKENS,
    )


def _by_rules(situation: Situation, answer: Answer[PlanAnswer], why: str) -> Planned:
    plan = RulesPlanner().plan(situation)
    said = answer.said
    if not said or answer.too_large or answer.value is not None:
        said = (*said, f"The plan of round {situation.round} was done by rules: {why}.")
    queries = _within(situation, plan.queries, ())
    return Planned(plan=plan.model_copy(update={"queries": queries}), calls=answer.calls, said=said)


def _fresh(queries: Iterable[PlannedQuery], situation: Situation) -> tuple[tuple[PlannedQuery, ...], int]:
    """Return the queries that were not asked before, and how many were."""
    tried = {record.key for record in situation.records}
    new: list[PlannedQuery] = []
    repeated = 0
    for query in queries:
        key = asked_key(query)
        repeated += key in tried
        if key not in tried:
            tried.add(key)
            new.append(query)
    return tuple(new), repeated


def _of_repeats(repeated: int, situation: Situation) -> tuple[str, ...]:
    if not repeated:
        return ()
    return (f"The model's plan of round {situation.round} repeated what was tried: {repeated} queries left out.",)


def _within(
    situation: Situation, first: Iterable[PlannedQuery], then: Iterable[PlannedQuery]
) -> tuple[PlannedQuery, ...]:
    """Return the new queries of both, as many as the budget allows, numbered."""
    fresh, _ = _fresh(with_whole_rows([*first, *then], situation), situation)
    kept = fresh[: situation.queries_left]
    return tuple(query.model_copy(update={"id": f"r{situation.round}q{n}"}) for n, query in enumerate(kept, 1))
