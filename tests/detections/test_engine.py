"""The engine against a plain evaluator that asks every row each question, on random rules and rows."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_analyst.tools.detections import RuleSet, detect, fired_again
from soc_analyst.tools.detections.columns import TableViews
from soc_analyst.tools.detections.evaluating import rows_meeting
from soc_analyst.tools.detections.fields import field_map
from soc_analyst.tools.detections.resolving import Never, resolve
from soc_analyst.tools.detections.ruleset import CompiledRule
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.proof.claims import check

FIELDS = {
    "CommandLine": "ProcessCommandLine",
    "FileName": "FileName",
    "ParentCommandLine": "InitiatingProcessCommandLine",
}
TEXT = st.text("aB\\%_", min_size=1, max_size=3)
TEST = st.one_of(
    st.tuples(st.sampled_from(list(FIELDS)), st.sampled_from(["is", "has", "starts", "ends"]), TEXT, st.booleans()).map(
        lambda made: ["text", made[0], made[1], made[2] if made[3] else made[2].lower(), made[3]]
    ),
    st.sampled_from(list(FIELDS)).map(lambda field: ["filled", field]),
    st.sampled_from(list(FIELDS)).map(lambda field: ["empty", field]),
)
TREE = st.recursive(
    TEST,
    lambda inner: st.one_of(
        inner.map(lambda tree: ["not", tree]),
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=3)).map(list),
    ),
    max_leaves=8,
)
VALUE = st.none() | st.text("aAbB\\%_", max_size=4)
ROWS = st.lists(st.fixed_dictionaries(dict.fromkeys(FIELDS, VALUE)), min_size=1, max_size=6)


def holds(tree: list[Any], row: dict[str, str | None], dark: set[str]) -> bool | str:
    """Answer for one row: True, False, "unseen" for a test of a dark field, "void" for its denial."""
    if tree[0] == "not":
        inner = holds(tree[1], row, dark)
        return "void" if isinstance(inner, str) else not inner
    if tree[0] in ("and", "or"):
        answers = [holds(child, row, dark) for child in tree[1]]
        known = [answer for answer in answers if not isinstance(answer, str)]
        if tree[0] == "and":
            return "unseen" if "unseen" in answers else all(known) if known else "void"
        return any(known) if known else "unseen" if "unseen" in answers else "void"
    value = row[tree[1]] or ""
    if tree[0] in ("filled", "empty"):
        return bool(value) == (tree[0] == "filled")
    if tree[1] in dark:
        return "unseen"
    value, text = (value, tree[3]) if tree[4] else (value.lower(), tree[3])
    return bool(value) and {
        "is": value == text, "has": text in value, "starts": value.startswith(text), "ends": value.endswith(text)
    }[tree[2]]  # fmt: skip


def table_of(rows: list[dict[str, str | None]]) -> TableRows:
    columns = {column: pa.array([row[field] for row in rows], pa.string()) for field, column in FIELDS.items()}
    return TableRows("DeviceProcessEvents", pa.table(columns), ("q",) * len(rows), tuple(range(len(rows))))


@settings(max_examples=300, deadline=None)
@given(tree=TREE, rows=ROWS)
def test_agrees_with_asking_every_row(tree: list[Any], rows: list[dict[str, str | None]]) -> None:
    dark = {field for field in FIELDS if not any(row[field] for row in rows)}
    views = TableViews(table_of(rows), field_map())
    node = resolve(tree, views)
    found = [] if isinstance(node, Never) else next(rows_meeting([node], views)).tolist()
    assert found == [at for at, row in enumerate(rows) if holds(tree, row, dark) is True]


def test_one_detection_a_rule_and_host_with_capped_rows_and_counts() -> None:
    tree = ["text", "CommandLine", "has", "evil", False]
    rule = CompiledRule(
        "i",
        "T",
        "high",
        "d",
        "a",
        "MIT",
        ("attack.execution", "attack.t1059.001"),
        (),
        (),
        {},
        tree,
        "DeviceProcessEvents",
    )
    names = ["one", "two", *["one"] * 40]
    rows = pa.table({"DeviceName": names, "ProcessCommandLine": [f"evil {at}" for at in range(42)]})
    evidence = Evidence([TableRows("DeviceProcessEvents", rows, ("q",) * 42, tuple(range(42)))])
    first, second = detect(evidence, rules=RuleSet((rule,)))
    assert first.statement.startswith("41 process starts on one: evil")
    assert (len(first.rows), len(second.rows)) == (20, 1)
    assert (first.techniques, first.tactics) == (("T1059.001",), ("execution",))
    assert {(entity.kind, entity.value) for entity in first.entities} == {("host", "one")}
    assert {claim.kind for claim in first.claims} == {"exists", "count", "same_entity"}
    again = fired_again({rule.id}, evidence, rules=RuleSet((rule,)))
    [counted] = [claim for claim in first.claims if claim.kind == "count"]
    assert counted.expected == 41
    assert check(counted, evidence, {}, again).verified
    for lie in ({"expected": 40}, {"statement": counted.statement.replace("41", "40")}, {"rule": "another"}):
        assert not check(counted.model_copy(update=lie), evidence, {}, again).verified
    assert not check(counted, evidence, {}).verified
    fewer = Evidence([TableRows("DeviceProcessEvents", rows.slice(1), ("q",) * 41, tuple(range(41)))])
    assert not check(counted, fewer, {}, fired_again({rule.id}, fewer, rules=RuleSet((rule,)))).verified
