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
from soc_analyst.tools.reasoning.by_rules.questions import tables_for

from .plan_answer import PlanAnswer, plan_form
from .plan_floor import floor, with_whole_rows
from .plan_queries import proposed, window_read
from .plan_showing import shown
from .prompts import load_prompt

__all__ = ["ModelPlanner", "plan_request"]

BENIGN = "What was seen is the ordinary work of these systems and their users."
MOST_HYPOTHESES = 12
MAX_OUTPUT_TOKENS = 6_000
FEW_TABLES = 3
"""Tables that are shown to a model whose context is too small for all."""


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
            return _by_rules(situation, answer, "the model gave no plan")
        return self._planned(answer.value, answer, situation)

    async def _answer(self, situation: Situation) -> Answer[PlanAnswer]:
        """Return what the model answers; where all tables fit no model, about those that can tell most."""
        answer = await self.asker.ask(plan_request(situation, self.pseudonyms))
        fewer = dict.fromkeys(tables_for(situation.reading, situation.tables)[:FEW_TABLES])
        if not answer.too_large or len(fewer) >= len(situation.tables):
            return answer
        tables = {name: situation.tables[name] for name in fewer}
        again = await self.asker.ask(plan_request(replace(situation, tables=tables), self.pseudonyms))
        told = f"The model planned round {situation.round} over {', '.join(tables)} alone: all tables fit no model."
        said = again.said if again.value is None else (told, *again.said)
        return replace(again, calls=(*answer.calls, *again.calls), said=said)

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


def plan_request(situation: Situation, pseudonyms: Pseudonyms) -> Request[PlanAnswer]:
    """Return what a model is asked for the plan of a round."""
    prompt = load_prompt("plan")
    return Request(
        node="planner",
        purpose=f"plan of round {situation.round}",
        system=prompt.system,
        user=prompt.user(**shown(situation, pseudonyms)),
        answer=plan_form(situation.tables),
        prompt=prompt.version,
        role="plan",
        form="function",
        max_output_tokens=MAX_OUTPUT_TOKENS,
    )


def _by_rules(situation: Situation, answer: Answer[PlanAnswer], why: str) -> Planned:
    plan = RulesPlanner().plan(situation)
    said = answer.said or (f"The plan of round {situation.round} was done by rules: {why}.",)
    if answer.value is not None:
        said = (*answer.said, f"The plan of round {situation.round} was done by rules: {why}.")
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
