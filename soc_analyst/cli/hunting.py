"""`hunt` and `resume`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soc_analyst.graph.context import Context
from soc_analyst.state.errors import ApprovalRequired, OperatorError

from .options import ALL, DataDirOption, data_at, with_context
from .stopping import INTERRUPTED, Stopping

if TYPE_CHECKING:
    from soc_analyst.graph.hunting import Watcher
    from soc_analyst.state.report import Report

__all__ = ["EXAMPLES", "CheckpointsOption", "exit_status", "hunt", "require_no_password", "resume"]

EXAMPLES = """\b
Examples:
  soc-analyst hunt "Show suspicious PowerShell activity on host WS-123 in the last day"
  soc-analyst hunt "Anything odd about arisa?" --since 2026-03-01 --until 2026-03-15 --json
  soc-analyst hunt "Who logged on to FS01 overnight?" --workspace ./exported-logs
  soc-analyst hunt --alert da637551227677560813
"""
CheckpointsOption = Annotated[
    str | None,
    typer.Option(
        "--checkpoints",
        metavar="URL",
        help="Where checkpoints are kept: sqlite (below the data folder) or postgresql://HOST/DATABASE, no password.",
        show_default=False,
    ),
]
LEAVE = frozenset({"exit", "quit"})


@with_context(*ALL)
def hunt(
    context: Context,
    question: Annotated[
        str | None, typer.Argument(help="What to find out; asked for at a prompt when left out.")
    ] = None,
    thread: Annotated[
        str | None, typer.Option(metavar="ID", help="A new id to use, or an existing one to follow up.")
    ] = None,
    checkpoints: CheckpointsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
) -> int:
    """Investigate a question and show the findings."""
    from soc_analyst.graph.hunting import new_thread_id

    if thread == "":
        raise OperatorError("is empty; give an id, or leave the option out for a new one", where="--thread")
    thread_id = thread or new_thread_id()
    require_no_password(checkpoints)
    if question is not None or context.alert:
        return _answered(question or "", context, thread_id, checkpoints, as_json=as_json)
    if as_json:
        raise OperatorError("--json needs the question on the command line", where="question")
    return _conversation(context, thread_id, checkpoints)


def resume(
    thread: Annotated[str, typer.Argument(metavar="THREAD", help="The case to go on with.")],
    accept: Annotated[
        str | None, typer.Option(metavar="HASH", help="Say yes to the waiting plan that has exactly this hash.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
    checkpoints: CheckpointsOption = None,
    data_dir: DataDirOption = None,
) -> int:
    """Go on with an interrupted investigation; no finished query is run again."""
    from soc_analyst.graph.hunting import aresume

    from .approving import accepting, at_terminal

    require_no_password(checkpoints)
    folder = data_at(data_dir)
    stopping = Stopping()
    approve = stopping.asked(accepting(accept) if accept else at_terminal())

    def going_on(watch: Watcher | None) -> Coroutine[Any, Any, Report]:
        return aresume(
            thread, data_dir=folder, watch=watch, approve=approve, stop=stopping.stop, checkpoints=checkpoints
        )

    return _shown(going_on, thread, stopping, as_json=as_json)


def exit_status(report: Report) -> int:
    """Return the contract's exit status of a finished run."""
    if report.queries and all(query.status == "refused" for query in report.queries):
        return 3
    if report.budget_reached:
        return 5
    return 4 if report.outcome == "could_not_look" else 0


def require_no_password(checkpoints: str | None) -> None:
    """Refuse a password where every process of the machine can read it."""
    if checkpoints is None:
        return
    from soc_analyst.graph.checkpoints.database import database_of

    database = database_of(checkpoints)
    if database is not None and database.has_password:
        raise OperatorError(
            "holds a password, which others can read on a command line; set it in SOC_ANALYST_CHECKPOINTS, PGPASSWORD "
            "or ~/.pgpass",
            where="--checkpoints",
        )


def _conversation(context: Context, thread_id: str, checkpoints: str | None) -> int:
    """Ask for one question after another on one thread."""
    from .terminal import ask

    status, asked = 0, 0
    while (question := ask()) is not None and question.strip().casefold() not in LEAVE:
        if question.strip():
            asked += 1
            status = _answered(question, context, thread_id, checkpoints, as_json=False)
    if question is None and not asked:
        raise OperatorError("there is none, and no more input; give it on the command line", where="question")
    return status


def _answered(question: str, context: Context, thread_id: str, checkpoints: str | None, *, as_json: bool) -> int:
    from soc_analyst.graph.hunting import ahunt

    from .approving import at_terminal

    stopping = Stopping()
    approve = stopping.asked(at_terminal() if context.approve != "auto" else None)

    def hunting(watch: Watcher | None) -> Coroutine[Any, Any, Report]:
        return ahunt(
            question, context=context, thread_id=thread_id, watch=watch, approve=approve, stop=stopping.stop,
            checkpoints=checkpoints,
        )  # fmt: skip

    return _shown(hunting, thread_id, stopping, as_json=as_json)


def _shown(
    start: Callable[[Watcher | None], Coroutine[Any, Any, Report]],
    thread_id: str,
    stopping: Stopping,
    *,
    as_json: bool,
) -> int:
    from .progress import watching
    from .terminal import show_report

    with watching(quiet=as_json and not sys.stderr.isatty()) as watch:
        try:
            report = stopping.run(start(watch))
        except KeyboardInterrupt:
            return _interrupted("interrupted", thread_id)
        except ApprovalRequired as waiting:
            sys.stderr.write(f"{waiting.description}\n")
            raise
    if as_json:
        sys.stdout.write(report.model_dump_json() + "\n")
    else:
        show_report(report)
    if report.was_stopped:
        return _interrupted("stopped, so the report is partial", thread_id)
    return exit_status(report)


def _interrupted(how: str, thread_id: str) -> int:
    sys.stderr.write(f"soc-analyst: {how}; go on with `soc-analyst resume {thread_id}`\n")
    return INTERRUPTED
