"""Who acts when: the investigation as a LangGraph state graph."""
