"""The steps of a live workspace: who asks, whether a token comes, whether the workspace answers it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from soc_analyst.settings import Settings
from soc_analyst.state.queries import Diagnostic

from .chart import CANNOT_LOOK, CONFIGURATION, Chart, failed, noted, well
from .checkup import Fact, StepResult

if TYPE_CHECKING:
    from soc_analyst.tools.logs.azure.probing import Refused
    from soc_analyst.tools.logs.azure.variables import Variables

__all__ = ["answering", "credential", "token"]

NOTICEABLE = 60.0
"""Seconds of difference between clocks from which on it is told: "the last hour" is another one then."""
SOON = timedelta(minutes=5)


async def credential(chart: Chart) -> StepResult:
    """See who could sign in here; nobody is asked yet."""
    from soc_analyst.tools.logs.azure.clock import Seen
    from soc_analyst.tools.logs.azure.signing_in import found_credential

    variables = Settings.azure()
    if (wrong := _wrong(variables)) is not None:
        return wrong
    chart.seen = Seen(chart.clock)
    found = found_credential(chart.settings.authority, chart.seen)
    chart.credential = await chart.stack.enter_async_context(found)
    tried = ", then ".join(variables.sources)
    if variables.lacking:
        return noted(f"{_half(variables)}; to be tried: {tried}", _whole(variables), tries=tried)
    return well(f"to be tried: {tried}", tries=tried)


def _wrong(variables: Variables) -> StepResult | None:
    """Return what cannot be meant so, whoever else might sign in."""
    if variables.empty:
        names = ", ".join(sorted(variables.empty))
        return failed(
            CONFIGURATION,
            f"{names} set to nothing, which azure-identity takes for a value",
            "Give a value, or unset it.",
        )
    if variables.missing_file is not None:
        name, path = variables.missing_file
        return failed(CONFIGURATION, f"{name} names {path}, which is no file", "Name the file, or unset it.")
    if variables.only_environment and variables.lacking:
        return failed(CONFIGURATION, _half(variables), _whole(variables))
    return None


def _half(variables: Variables) -> str:
    given, lacking = ", ".join(variables.given), ", ".join(variables.lacking)
    return f"the environment's credential is half set: {given or 'nothing'} without {lacking}"


def _whole(variables: Variables) -> str:
    rest = "" if variables.only_environment else f", or unset {' and '.join(variables.given)} to sign in another way"
    return f"Set {' and '.join(variables.lacking)}{rest}."


async def token(chart: Chart) -> StepResult:
    """Get a token for the service, and read what it says of itself."""
    from soc_analyst.tools.logs.azure.probing import Refused, get_token

    assert chart.credential is not None and chart.where is not None and chart.seen is not None
    try:
        chart.token = got = await get_token(chart.credential, chart.where.endpoint)
    except Refused as error:
        return _no_token(chart, error)
    chart.secrets.add(got.text)
    claims, source = got.claims, chart.credential.source
    facts: dict[str, Fact] = {
        "source": source, "tenant": claims.tenant, "principal": claims.principal, "application": claims.application,
        "ends": got.ends.isoformat(), "clock_behind_seconds": chart.seen.behind,
    }  # fmt: skip
    what = f"from {source} as {claims.who}, tenant {claims.tenant}" if claims.tenant else f"from {source}"
    if wrong := _out_of_time(claims.begins, claims.ends or got.ends, chart.clock()):
        return failed(CANNOT_LOOK, f"{what}: {wrong} by this machine's clock", _clock_hint(), **facts)
    return well(what, **facts)


def _out_of_time(begins: datetime | None, ends: datetime, now: datetime) -> str:
    """Return how far a token is from its time, or nothing where it holds."""
    if begins is not None and begins - now > SOON:
        return f"it holds only {(begins - now).total_seconds():,.0f} seconds from now"
    return f"it ended {(now - ends).total_seconds():,.0f} seconds ago" if ends <= now else ""


def _no_token(chart: Chart, error: Refused) -> StepResult:
    """Say why no token came: a clock that is off explains it, and half a credential may."""
    why, variables = error.why, Settings.azure()
    facts: dict[str, Fact] = {"code": why.code, "tried": ", ".join(error.attempts) or None}
    assert chart.seen is not None
    if chart.seen.off:
        return _off(chart, why, **facts)
    if variables.lacking and error.attempts:
        return failed(
            CANNOT_LOOK, f"{why.message}; {_half(variables)}", f"{_whole(variables)} Else: {why.hint}", **facts
        )
    return failed(CANNOT_LOOK, why.message, why.hint, **facts)


def _off(chart: Chart, why: Diagnostic, **facts: Fact) -> StepResult:
    from soc_analyst.tools.logs.azure.clock import clock_words

    assert chart.seen is not None and chart.seen.behind is not None
    told = f"{why.message}; {clock_words(chart.seen.behind)}, which tokens do not allow"
    return failed(CANNOT_LOOK, told, _clock_hint(), **{**facts, "clock_behind_seconds": chart.seen.behind})


def _clock_hint() -> str:
    from soc_analyst.tools.logs.azure.words import CLOCK

    return CLOCK


async def answering(chart: Chart) -> StepResult:
    """Ask each workspace a question that reads no table; compare the clocks by the way."""
    from soc_analyst.tools.logs.azure.clock import clock_words
    from soc_analyst.tools.logs.azure.probing import Refused, ask_nothing

    assert chart.credential is not None and chart.where is not None and chart.seen is not None
    slowest = 0.0
    for one in chart.where.ids:
        try:
            asked = await ask_nothing(
                chart.where, one, chart.credential, authority=chart.settings.authority, seen=chart.seen
            )
        except Refused as error:
            return _no_answer(chart, one, error.why)
        slowest = max(slowest, asked.milliseconds)
    facts: dict[str, Fact] = {"milliseconds": round(slowest, 1), "clock_behind_seconds": chart.seen.behind}
    told = f"answers in {slowest:,.0f} ms"
    behind = chart.seen.behind
    if behind is not None and abs(behind) > NOTICEABLE:
        return noted(f"{told}; {clock_words(behind)}", _clock_hint(), **facts)
    return well(told, **facts)


def _no_answer(chart: Chart, workspace: str, why: Diagnostic) -> StepResult:
    """Say why a workspace does not answer; who lacks the role gets the command that grants it."""
    from soc_analyst.tools.logs.azure.words import GRANT, grant

    assert chart.token is not None and chart.seen is not None and chart.where is not None
    facts: dict[str, Fact] = {
        "code": why.code, "workspace": workspace, "clock_behind_seconds": chart.seen.behind,
    }  # fmt: skip
    if chart.seen.off and why.code == "denied":
        return _off(chart, why, **facts)
    claims, what, do = chart.token.claims, why.message, why.hint
    if do == GRANT:
        do = grant(workspace, claims.principal)
        if claims.tenant:
            what += f"; the token is of tenant {claims.tenant}: if the workspace belongs to another, sign in there"
    several = f"{workspace}: " if len(chart.where.ids) > 1 else ""
    return failed(CANNOT_LOOK, f"{several}{what}", do, **facts)
