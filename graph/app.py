"""The graph that `langgraph.json` publishes; the server brings its own checkpointer."""

from .build import build_graph

graph = build_graph()
