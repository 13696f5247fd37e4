"""The guarded log tools alone: an agent writes KQL, the guard refuses what it cannot prove, the agent mends it.

    python examples/guarded_log_tools.py [WORKSPACE]

A scripted model on this machine stands for yours; its first query is wrong in a way that models often are.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from soc_analyst import Context, log_tools
from soc_analyst.tools.models.scripted import Called, Said, Script, ScriptedServer

LOGS = Path(__file__).parent / "logs"
WRONG = 'SigninLogs | where Result != "0" | summarize Failed = count() by IPAddress'
RIGHT = (
    'SigninLogs | where ResultType != "0"'
    " | summarize Failed = count(), Accounts = dcount(UserPrincipalName) by IPAddress"
)
SCRIPT = Script(
    Called("list_tables", {}),
    Called("query_logs", {"kql": WRONG}),
    Called("describe_table", {"table": "SigninLogs"}),
    Called("query_logs", {"kql": RIGHT}),
    Called("run_detections", {"tables": ["SigninLogs"], "level": "high"}),
    Said("198.51.100.23 tried one password on many accounts and got in as jdoe."),
)


def main(workspace: str) -> int:
    """Let the agent look for itself, and show each step."""
    with tempfile.TemporaryDirectory() as home, ScriptedServer(SCRIPT) as server:
        tools = log_tools(Context(workspace=workspace, data_dir=Path(home)), most_rows=10)
        model = ChatOpenAI(model="scripted", base_url=server.url, api_key=SecretStr("none"))
        agent = create_agent(model, tools)
        messages = agent.invoke({"messages": [HumanMessage("Who failed to sign in, and from where?")]})["messages"]
    for message in messages:
        if isinstance(message, ToolMessage):
            head = "\n  ".join(message.text.splitlines()[:4])
            sys.stdout.write(f"  [{message.status}] {head[:600]}\n")
        elif isinstance(message, AIMessage) and message.tool_calls:
            call = message.tool_calls[0]
            sys.stdout.write(f"{call['name']}({', '.join(str(value) for value in call['args'].values())})\n")
    sys.stdout.write(f"The agent: {messages[-1].text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else str(LOGS)))
