"""The investigation and the guarded logs as LangChain tools, for agents of a host's own."""
