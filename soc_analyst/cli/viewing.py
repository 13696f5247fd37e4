"""`web`: the view on this machine."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from soc_analyst.graph.context import Context
from soc_analyst.state.errors import OperatorError

from .hunting import CheckpointsOption, require_no_password
from .options import ALL, with_context
from .stopping import INTERRUPTED

__all__ = ["EXAMPLES", "web"]

EXAMPLES = """\b
Examples:
  soc-analyst web
  soc-analyst web --workspace ./exported-logs --port 8400
"""
OF_ONE_CASE = frozenset({"alert", "since", "until"})
WILDCARDS = frozenset({"", "*", "0.0.0.0", "::"})
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@with_context(*(name for name in ALL if name not in OF_ONE_CASE))
def web(
    context: Context,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")] = 0,
    host: Annotated[
        str, typer.Option(help="The address to listen on; loopback unless you say otherwise.")
    ] = "127.0.0.1",
    checkpoints: CheckpointsOption = None,
) -> int:
    """Serve a view of past and running investigations to a browser on this machine."""
    from soc_analyst.web import Address, serve

    if host in WILDCARDS:
        raise OperatorError(
            "stands for every interface; give the address that browsers will use", where=f"--host {host}"
        )
    if host not in LOOPBACK:
        sys.stderr.write(
            f"soc-analyst: warning: {host} can be reached from other machines, without encryption; "
            "whoever has the address with its token may ask and read\n"
        )
    require_no_password(checkpoints)
    address = Address("127.0.0.1" if host == "localhost" else host, port)
    try:
        asyncio.run(serve(context, address, _ready, checkpoints=checkpoints))
    except KeyboardInterrupt:
        sys.stderr.write("soc-analyst: the view is closed; `soc-analyst threads` lists what can be resumed\n")
        return INTERRUPTED
    return 0


def _ready(url: str) -> None:
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()
    sys.stderr.write("Open this address in a browser; Ctrl-C closes the view.\n")
