from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from soc_analyst.state.findings import Claim, EvidenceRef, Finding
from soc_analyst.state.queries import Condition, Coverage
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.proof.claims import check
from soc_analyst.tools.proof.findings import LINES_BUDGET, prove, with_log_lines

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
TABLE = "SigninLogs"


def evidence() -> Evidence:
    rows = pa.table(
        {
            "TimeGenerated": pa.array([NOON + timedelta(minutes=i) for i in range(4)], pa.timestamp("us", "UTC")),
            "UserPrincipalName": ["Alice@contoso.com", "alice@contoso.com", "bob@contoso.com", "bob@contoso.com"],
            "ResultType": ["50126", "0", "50126", "50126"],
            "IPAddress": ["203.0.113.5"] * 4,
        }
    )
    return Evidence([TableRows.collect(TABLE, [("q1", rows)])])


def ref(row: int, query: str = "q1") -> EvidenceRef:
    return EvidenceRef(query_id=query, table=TABLE, row=row)


FAILED = (Condition(column="ResultType", op="==", values=("50126",)),)
BLOCKED = (Condition(column="ResultType", op="==", values=("53003",)),)
UPN = "UserPrincipalName"
LAST = NOON + timedelta(minutes=3)
COVERED = {TABLE: Coverage(table=TABLE, rows_in_window=4, first=NOON, last=LAST)}


@pytest.mark.parametrize(
    ("claim", "holds"),
    [
        (Claim(kind="exists", statement="", rows=(ref(0), ref(3))), True),
        (Claim(kind="exists", statement="", rows=(ref(0), ref(4))), False),
        (Claim(kind="exists", statement="", rows=()), False),
        (Claim(kind="count", statement="", table=TABLE, where=FAILED, expected=3), True),
        (Claim(kind="count", statement="", table=TABLE, where=FAILED, expected=45), False),
        (Claim(kind="count", statement="", table="Other", where=FAILED, expected=0), True),
        (Claim(kind="order", statement="", rows=(ref(0), ref(1))), True),
        (Claim(kind="order", statement="", rows=(ref(1), ref(0))), False),
        (Claim(kind="order", statement="", rows=(ref(1),)), False),
        (Claim(kind="same_entity", statement="", rows=(ref(0), ref(1)), column=UPN, value="alice@CONTOSO.com"), True),
        (Claim(kind="same_entity", statement="", rows=(ref(0), ref(2)), column=UPN, value="alice@contoso.com"), False),
        (Claim(kind="absent", statement="", table=TABLE, where=BLOCKED), True),
        (Claim(kind="absent", statement="", table=TABLE, where=FAILED), False),
        (Claim(kind="absent", statement="", table="AuditLogs", where=()), False),
        (Claim(kind="value", statement="", rows=(ref(1),), column="ResultType", value="0"), True),
        (Claim(kind="value", statement="", rows=(ref(0),), column="ResultType", value="0"), False),
        (Claim(kind="value", statement="", rows=(ref(0),), column=UPN, value="alice@contoso.com"), False),
        (Claim(kind="value", statement="", rows=(ref(0), ref(2)), column="ResultType", value="50126"), False),
        (Claim(kind="value", statement="", rows=(ref(0),), column="TimeGenerated", value="2026-03-04T12:00:00"), True),
        (Claim(kind="value", statement="", rows=(ref(0),), column="NoSuchColumn", value=""), False),
        (Claim(kind="first", statement="", table=TABLE, where=FAILED, rows=(ref(0),)), True),
        (Claim(kind="first", statement="", table=TABLE, where=FAILED, rows=(ref(2),)), False),
        (Claim(kind="first", statement="", table=TABLE, where=FAILED, rows=(ref(1),)), False),
        (Claim(kind="last", statement="", table=TABLE, where=FAILED, rows=(ref(3),)), True),
        (Claim(kind="last", statement="", table=TABLE, where=FAILED, rows=(ref(2),)), False),
        (Claim(kind="last", statement="", table=TABLE, rows=(ref(3),)), True),
        (Claim(kind="last", statement="", table="AuditLogs", rows=(ref(3),)), False),
        (Claim(kind="detected", statement="", rows=(ref(3),)), False),
        (Claim(kind="count", statement="", table=TABLE, where=FAILED, expected=3, rule="no-such-rule"), False),
    ],
)  # fmt: skip
def test_a_claim_holds_only_if_the_rows_say_so(claim: Claim, holds: bool) -> None:
    checked = check(claim.model_copy(update={"verified": not holds}), evidence(), COVERED)
    assert checked.verified is holds
    assert checked.detail


def finding(**changes: object) -> Finding:
    drafted = Finding(
        id="f-1", title="Guessed", description="", confidence="High", time=NOON, evidence=(ref(0), ref(1)),
        indicators_of_compromise=("203.0.113.5", "198.51.100.9"),
        claims=(Claim(kind="count", statement="", table=TABLE, where=FAILED, expected=3),),
    )  # fmt: skip
    return drafted.model_copy(update=changes)


def test_a_finding_without_a_row_is_dropped_and_said() -> None:
    proved = prove([finding(evidence=(ref(9), ref(0, "q7")))], evidence(), COVERED.values())
    assert proved.findings == ()
    assert "Guessed" in proved.warnings[0]


def test_made_up_rows_and_indicators_are_taken_out() -> None:
    (kept,) = prove([finding(evidence=(ref(0), ref(77)))], evidence(), COVERED.values()).findings
    assert kept.evidence == (ref(0),)
    assert kept.indicators_of_compromise == ("203.0.113.5",)
    assert kept.confidence == "Medium"  # a claim alone, without a rule, bears no more


def test_a_claim_that_fails_goes_with_its_sentences_and_the_confidence_that_it_bore() -> None:
    lie = Claim(kind="count", statement="45 rows failed.", table=TABLE, where=FAILED, expected=45, verified=True)
    told = "45 rows failed. Alice guessed. It came from 198.51.100.77."
    proved = prove([finding(claims=(lie,), description=told)], evidence(), COVERED.values())
    (kept,) = proved.findings
    assert (kept.claims, kept.confidence, kept.description) == ((), "Low", "Alice guessed.")
    assert proved.warnings == ("Removed at the proof: 1 claim and 2 sentences that the stored rows do not bear out.",)


def test_a_finding_left_with_nothing_is_dropped_and_said() -> None:
    lie = Claim(kind="count", statement="", table=TABLE, where=FAILED, expected=45)
    proved = prove([finding(title="45 failed sign-ins", claims=(lie,))], evidence(), COVERED.values())
    assert proved.findings == ()
    assert "Dropped" in proved.warnings[0]


def test_log_lines_are_the_rows_and_stay_within_the_budget() -> None:
    long = pa.table(
        {
            "TimeGenerated": pa.array([NOON] * 90, pa.timestamp("us", "UTC")),
            "A": [f"{i} {'x' * 6000}" for i in range(90)],
        }
    )
    many = Evidence([TableRows.collect(TABLE, [("q1", long)])])
    findings = [finding(id=f"f-{n}", evidence=tuple(ref(n * 10 + i) for i in range(10))) for n in range(9)]
    told = with_log_lines(findings, many)
    assert sum(len(line) for one in told for line in one.log_lines) <= LINES_BUDGET
    for one in told:
        assert one.log_lines
        assert one.time == NOON
        assert len(one.log_lines) == len(one.evidence)
        for at, line in zip(one.evidence, one.log_lines, strict=True):
            assert f'"A": "{at.row} x' in line


@pytest.mark.parametrize(
    ("op", "time", "holds"),
    [("<", "2026-03-04T11:00:00Z", False), (">", "2026-03-04T13:00:00Z", False), ("<", "2026-03-04T12:00:30Z", True)],
)
def test_absence_is_told_of_the_time_that_was_seen_only(op: str, time: str, holds: bool) -> None:
    where = (
        Condition(column="ResultType", op="==", values=("0",)),
        Condition(column="TimeGenerated", op=op, values=(time,)),
    )
    claim = Claim(kind="absent", statement="", table=TABLE, where=where)
    assert check(claim, evidence(), COVERED).verified is holds


@pytest.mark.parametrize(("since", "expected"), [("2026-03-04T12:01:00Z", 2), ("2026-03-04T12:00:00", 3)])
def test_times_are_compared_as_times(since: str, expected: int) -> None:
    where = (*FAILED, Condition(column="TimeGenerated", op=">=", values=(since,)))
    claim = Claim(kind="count", statement="", table=TABLE, where=where, expected=expected)
    assert check(claim, evidence(), COVERED).verified
