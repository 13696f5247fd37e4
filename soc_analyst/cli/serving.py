"""`mcp`: the product as an MCP server on standard input and output."""

from __future__ import annotations

import asyncio
import signal

from soc_analyst.graph.context import Context
from soc_analyst.state.errors import OperatorError

from .options import ALL, with_context

__all__ = ["EXAMPLES", "mcp"]

EXAMPLES = """\b
Examples:
  soc-analyst mcp --workspace ./exported-logs --data-dir ./cases
  soc-analyst mcp --workspace azure:WORKSPACE_ID --policy policy.yaml   (as the command of an MCP host)
"""


@with_context(*(name for name in ALL if name != "alert"))
def mcp(context: Context) -> int:
    """Serve investigate, query, tables and findings over MCP, until standard input ends.

    Workspace, policy, model and budgets are those given here: no client can change them. Standard output carries the
    protocol and nothing else.
    """
    try:
        from soc_analyst.agents.mcp_server import mcp_server
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("mcp", "anyio"):
            raise
        raise OperatorError("needs the MCP SDK; `pip install 'soc-analyst[mcp]'` brings it", where="mcp") from error
    # A thread waits for the next line of standard input and cannot be called off. Ending at once loses nothing: what an
    # investigation has done is on disk.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    asyncio.run(mcp_server(context).run_stdio_async())
    return 0
