"""The graph that `langgraph.json` publishes; the server brings its own checkpointer."""

from soc_analyst.settings import Settings

from .build import build_graph
from .served import load_served

_file = Settings.from_environment().served

graph = build_graph(served=load_served(_file) if _file is not None else None)
