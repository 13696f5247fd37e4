"""A person's yes to a plan: what is asked, in the form that Agent Inbox and Studio draw, and what an answer means."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypedDict

from soc_analyst.state.costs import GB, Estimate, in_words, size_text
from soc_analyst.state.errors import OperatorError
from soc_analyst.state.queries import ApprovedQuery, PlannedQuery
from soc_analyst.tools.guard import Policy, Weighed
from soc_analyst.tools.records.safe_text import inert_markdown

from ..context import Context

__all__ = [
    "APPROVAL",
    "HASH",
    "Decision",
    "HumanInterrupt",
    "decided",
    "digest_of",
    "editable",
    "reason_to_ask",
    "request_for",
]

ACTION = "run_queries"
APPROVAL = "approval"
"""Where an answer is at fault that is refused."""
HASH = "hash"


class ActionRequest(TypedDict):
    """What would be done: the text of each query by its id, and the hash that a yes is bound to."""

    action: str
    args: dict[str, str]


class AnswersAllowed(TypedDict):
    """Which answers a person may give."""

    allow_accept: bool
    allow_edit: bool
    allow_respond: bool
    allow_ignore: bool


class HumanInterrupt(TypedDict):
    """The payload of the interrupt. An answer is `{"type": "accept"|"edit"|"response"|"ignore", "args": …}`."""

    action_request: ActionRequest
    config: AnswersAllowed
    description: str


@dataclass(frozen=True)
class Decision:
    """What a person said: `texts` are the queries of an edit by id, `words` the guidance of a response."""

    kind: Literal["accept", "edit", "response", "ignore"]
    texts: Mapping[str, str] = field(default_factory=dict)
    words: str = ""


def reason_to_ask(weighed: Sequence[Weighed], context: Context, policy: Policy) -> str:
    """Return why a person must approve these queries before they run, empty where nobody need be asked."""
    if not weighed or context.approve == "auto":
        return ""
    if context.approve == "always":
        return "every plan is to be approved"
    if faults := [fault.message for one in weighed for fault in one.faults]:
        return "; ".join(dict.fromkeys(faults))
    whole = Estimate.together([one.query.estimate or Estimate() for one in weighed])
    if whole.bytes is None:
        return "nobody knows what it will read"
    limit = round(policy.ask_above_gb * GB)
    above = f"it reads about {size_text(whole.bytes)}, and policy wants a yes above {size_text(limit)}"
    return above if whole.bytes > limit else ""


def digest_of(queries: Sequence[ApprovedQuery], thread: str, round_: int) -> str:
    """Return the hash of exactly what would run: of which case and round, the texts, windows, caps and policy."""
    told = [
        f"{query.id}\n{query.start.isoformat()}\n{query.end.isoformat()}\n{query.row_cap}\n{query.policy_hash}\n{query.kql}"
        for query in queries
    ]
    return hashlib.sha256("\n\n".join([thread, str(round_), *told]).encode()).hexdigest()


def editable(query: ApprovedQuery) -> str:
    """Return the text of a query without what the guard adds to it: the views of its tables and the cap on rows."""
    views = tuple(f"let {table} = {table} | " for table in query.tables)
    lines = [line for line in query.kql.splitlines() if not line.startswith(views)]
    if lines and lines[-1].strip() == f"| take {query.row_cap + 1}":
        lines.pop()
    return "\n".join(lines)


def request_for(
    queries: Sequence[ApprovedQuery], planned: Sequence[PlannedQuery], digest: str, *, why: str, spent_usd: float
) -> HumanInterrupt:
    """Return what a person is asked."""
    purposes = {query.id: query.purpose for query in planned}
    return {
        "action_request": {
            "action": ACTION,
            "args": {HASH: digest, **{query.id: editable(query) for query in queries}},
        },
        "config": {"allow_accept": True, "allow_edit": True, "allow_respond": True, "allow_ignore": True},
        "description": _description(queries, purposes, digest, why, spent_usd),
    }


def decided(answer: object, plan: HumanInterrupt) -> Decision:
    """Read an answer to a plan; raise OperatorError where it is none, or is bound to another plan."""
    ids = {name for name in plan["action_request"]["args"] if name != HASH}
    decision = _read(answer, plan["action_request"]["args"][HASH])
    if unknown := sorted(set(decision.texts) - ids):
        has = ", ".join(sorted(ids))
        raise OperatorError(f"there is no query {unknown[0]!r} in this plan; it has {has}", where=APPROVAL)
    return decision


def _read(answer: object, digest: str) -> Decision:
    given = answer[0] if isinstance(answer, list) and answer else answer
    if isinstance(given, str):
        given = {"type": given, "args": None}
    if not isinstance(given, dict) or not isinstance(given.get("type"), str):
        raise _no_answer()
    kind, args = given["type"], given.get("args")
    if kind == "ignore":
        return Decision("ignore")
    if kind in ("response", "respond"):
        if not isinstance(args, str) or not args.strip():
            raise OperatorError("a response is a text that says what to do otherwise", where=APPROVAL)
        return Decision("response", words=args.strip())
    if kind not in ("accept", "edit"):
        raise _no_answer()
    texts = _texts(args)
    bound = texts.pop(HASH, digest)
    if bound != digest:
        raise OperatorError(
            f"the answer is to another plan ({bound[:12]}); this one is {digest[:12]}: look at it and answer again",
            where=APPROVAL,
        )
    if kind == "accept":
        return Decision("accept")
    if not isinstance(args, dict):
        raise OperatorError("an edit gives the text of each query by its id, under `args`", where=APPROVAL)
    return Decision("edit", texts=texts)


def _texts(args: object) -> dict[str, str]:
    """Return the arguments of an answer: as they are, or within the action that was asked about."""
    if not isinstance(args, dict):
        return {}
    inner = args.get("args", args)
    return {str(name): str(text) for name, text in inner.items()} if isinstance(inner, dict) else {}


def _no_answer() -> OperatorError:
    return OperatorError(
        'an answer is {"type": "accept"}, {"type": "edit", "args": {…}}, {"type": "response", "args": "…"} '
        'or {"type": "ignore"}',
        where=APPROVAL,
    )


def _description(
    queries: Sequence[ApprovedQuery], purposes: Mapping[str, str], digest: str, why: str, spent_usd: float
) -> str:
    """Return the plan in Markdown: queries with windows and what they will read, what the hunt has cost so far."""
    lines = [
        f"- **{query.id}** {inert_markdown(purposes.get(query.id, ''))}"
        f" · {query.start:%Y-%m-%d %H:%M} to {query.end:%Y-%m-%d %H:%M} UTC"
        f" · {in_words(query.estimate) or 'size unknown'} · at most {query.row_cap:,} rows"
        for query in queries
    ]
    whole = in_words(Estimate.together([query.estimate or Estimate() for query in queries]))
    cost = f"${spent_usd:.4f} spent on the model so far." if spent_usd else ""
    head = f"{'1 query waits' if len(queries) == 1 else f'{len(queries)} queries wait'} for a person: {why}."
    read = f"Together they read {whole}." if whole else "What they read together is not known."
    return "\n".join([head, "", *lines, "", " ".join(filter(None, (read, cost))), f"Hash of this plan: `{digest}`"])
