"""What an investigation can do: each room here is one capability, and none of them knows LangGraph."""
