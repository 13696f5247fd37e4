"""The graph as this server gives it out: under `served.yaml`, whatever a request wishes."""

from pathlib import Path

from soc_analyst import build_graph
from soc_analyst.graph.served import load_served

served = load_served(Path(__file__).with_name("served.yaml"))
graph = build_graph(served=served)
