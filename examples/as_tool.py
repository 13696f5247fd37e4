"""An agent of your own that has `investigate` as a tool: its model reads a short text, your code gets the `Report`.

    python examples/as_tool.py [WORKSPACE]

A scripted model on this machine stands for yours, so that no key is needed: put your own `ChatOpenAI(…)` in its place.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from soc_analyst import Context, Report, investigate_tool
from soc_analyst.tools.models.scripted import Called, Said, ScriptedServer
from soc_analyst.tools.models.scripted import Script as Scripted

LOGS = Path(__file__).parent / "logs"
QUESTION = "Anything suspicious on host ws-1 in the last day?"
SCRIPT = Scripted(
    Called("investigate", {"question": QUESTION}),
    Said("ws-1 is compromised: isolate it, and reset the password of jdoe."),
)


def main(workspace: str) -> int:
    """Ask the agent, and show who learns what."""
    with tempfile.TemporaryDirectory() as home, ScriptedServer(SCRIPT) as server:
        tool = investigate_tool(Context(workspace=workspace, data_dir=Path(home), max_queries=60))
        model = ChatOpenAI(model="scripted", base_url=server.url, api_key=SecretStr("none"))
        agent = create_agent(model, [tool], system_prompt="You help a SOC.")
        messages = agent.invoke({"messages": [HumanMessage("Is something wrong with ws-1?")]})["messages"]
    answer = next(one for one in messages if isinstance(one, ToolMessage))
    report = answer.artifact
    assert isinstance(report, Report)
    sys.stdout.write(f"What the model may choose: {list(tool.args)}\n")
    sys.stdout.write(f"What the model read ({len(answer.text):,} characters):\n{answer.text}\n\n")
    sys.stdout.write(f"What the host got: a Report, {report.outcome}, {len(report.findings)} findings with ")
    sys.stdout.write(f"{sum(len(one.log_lines) for one in report.findings)} log lines\n")
    sys.stdout.write(f"What the agent said: {messages[-1].text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else str(LOGS)))
