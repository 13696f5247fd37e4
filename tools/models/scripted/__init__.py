"""A shipped model for tests: a script of answers, and a server on this machine that speaks them as OpenAI does."""
