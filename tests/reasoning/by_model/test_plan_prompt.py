"""The whole of one request, so that a change of it is seen; and how large it is."""

import json
import os
from pathlib import Path

from soc_analyst.tools.models.tokens import count
from soc_analyst.tools.reasoning.by_model.plan_answer import plan_form
from soc_analyst.tools.reasoning.by_model.planner import plan_request

from .planning import TABLES, hiding, situation
from .test_planner_hostile import full_case

GOLDEN = Path(__file__).with_name("plan_prompt.txt")
FEW = {name: TABLES[name] for name in ("AlertInfo", "AuditLogs", "SigninLogs")}


def test_the_request_is_the_one_that_was_reviewed() -> None:
    """Write it anew with SOC_ANALYST_UPDATE=1 and read the difference."""
    request = plan_request(full_case(tables=FEW), hiding())
    whole = f"{request.system}\n\n=====\n\n{request.user}\n"
    if os.environ.get("SOC_ANALYST_UPDATE"):
        GOLDEN.write_text(whole, "utf-8")
    assert whole == GOLDEN.read_text("utf-8")


def tokens(text: str) -> int:
    return count(text, "gpt-5-mini").tokens


def test_a_request_over_all_tables_is_small_and_over_few_tables_smaller() -> None:
    every, few = (plan_request(situation(tables=tables), hiding()) for tables in (TABLES, FEW))
    assert tokens(every.system) < 1_000
    assert tokens(every.user) < 4_000
    assert tokens(few.user) < tokens(every.user) / 2
    form = json.dumps(plan_form(FEW).model_json_schema(), separators=(",", ":"))
    assert tokens(form) < 2_000
