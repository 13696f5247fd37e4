"""The commands, and how a run ends: one line for each error, and the exit status of the contract."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Annotated, Any

import typer

from soc_analyst.settings import Settings
from soc_analyst.state.errors import OperatorErrors, SocAnalystError
from soc_analyst.tools.secrets import without_secrets

from . import (
    accepting,
    cases,
    checking,
    detecting,
    doctoring,
    hunting,
    models,
    operating,
    policies,
    serving,
    threats,
    viewing,
    workspaces,
)

__all__ = ["app", "run"]

USAGE_ERROR: type[Exception] = typer.BadParameter.__bases__[0]
"""The base of all faults in a command line; typer names only its children."""
INTERRUPTED = 130
BROKEN_PIPE = 141

app = typer.Typer(
    name="soc-analyst",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"soc-analyst {metadata.version('soc-analyst')}\n")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Ask a question about your logs in plain words; get findings proved against the rows."""


app.command(epilog=hunting.EXAMPLES)(hunting.hunt)
app.command()(hunting.resume)
app.command()(cases.threads)
app.command()(cases.report)
app.command(epilog=threats.EXAMPLES)(threats.threats)
app.command()(accepting.accept)
app.command("check-query", epilog=checking.CHECK_EXAMPLES)(checking.check_query)
app.command(epilog=checking.QUERY_EXAMPLES)(checking.query)
app.command(epilog=detecting.EXAMPLES)(detecting.detect)
app.command()(operating.tables)
app.command(epilog=policies.EXAMPLES)(policies.policy)
app.command(epilog=models.EXAMPLES)(models.models)
app.command(epilog=serving.EXAMPLES)(serving.mcp)
app.command(epilog=doctoring.EXAMPLES)(doctoring.doctor)
app.command(epilog=viewing.EXAMPLES)(viewing.web)
app.add_typer(workspaces.app, name="workspace")


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit status; errors are one line on stderr."""
    debug = "--debug" in arguments
    given = [argument for argument in arguments if argument != "--debug"]
    if not debug:
        logging.getLogger("azure").addHandler(logging.NullHandler())  # it would print pages on a missing sign-in
    try:
        status = typer.main.get_command(app).main(given, prog_name="soc-analyst", standalone_mode=False)
    except USAGE_ERROR as error:
        return _misused(error)
    except (typer.Abort, KeyboardInterrupt):
        return _failed("interrupted; `soc-analyst threads` lists what can be resumed", INTERRUPTED)
    except BrokenPipeError:
        return BROKEN_PIPE
    except SocAnalystError as error:
        if debug:
            raise
        faults = error.faults if isinstance(error, OperatorErrors) else (error,)
        return max(_failed(str(fault), error.exit_status) for fault in faults)
    return status if isinstance(status, int) else 0


def _misused(error: Any) -> int:
    """Say what is wrong with the command line; a bare command group shows its help instead."""
    message, context = str(error.format_message()), getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stdout.write(f"{message}\n")
        return 2
    path = context.command_path if context is not None else "soc-analyst"
    name = getattr(getattr(error, "param", None), "opts", None)
    where = f"{name[0]}: " if name else ""
    return _failed(f"{where}{message.rstrip('.')}; see `{path} --help`", 2)


def _failed(message: str, status: int) -> int:
    told = without_secrets(" ".join(message.split()), Settings.secrets())
    sys.stderr.write(f"soc-analyst: {told}\n")
    return status
