"""Over MCP: `soc-analyst mcp` as a process of its own, asked by the official client as any MCP host does.

    pip install 'soc-analyst[mcp]' && python examples/over_mcp.py [WORKSPACE]

In the settings of a host it is one entry: command `soc-analyst`, arguments `mcp --workspace …`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from mcp import Client, StdioServerParameters
from mcp.types import TextContent

LOGS = Path(__file__).parent / "logs"
QUESTION = "Anything suspicious on host ws-1 in the last day?"


KQL = ("SigninLogs | summarize count() by Location", "externaldata(x: string) ['https://example.org/x.csv']")


async def told(progress: float, _total: float | None, message: str | None) -> None:
    """Show where an investigation is; most of its steps are single queries."""
    if message and message.startswith(("round", "finding")):
        sys.stdout.write(f"  step {progress:.0f}: {message}\n")


async def main(workspace: str) -> int:
    """List what is offered, ask, and be refused."""
    with tempfile.TemporaryDirectory() as home:
        arguments = ["-m", "soc_analyst", "mcp", "--workspace", workspace, "--data-dir", home, "--model", "none"]
        async with Client(
            StdioServerParameters(command=sys.executable, args=arguments, env=dict(os.environ))
        ) as client:
            tools = (await client.list_tools()).tools
            sys.stdout.write(f"Tools: {', '.join(tool.name for tool in tools)}\n")

            answer = await client.call_tool("investigate", {"question": QUESTION}, progress_callback=told)
            found = answer.structured_content or {}
            sys.stdout.write(f"investigate: {found['outcome']}, {len(found['findings'])} findings\n")
            for kql in KQL:
                rows = await client.call_tool("query", {"kql": kql})
                block = rows.content[0]
                said = block.text if isinstance(block, TextContent) else ""
                sys.stdout.write(f"query {'refused' if rows.is_error else 'ran'}: {said[:200]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else str(LOGS))))
