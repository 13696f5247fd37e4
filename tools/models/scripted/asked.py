"""A request to a model as it came over the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Asked"]


@dataclass(frozen=True)
class Asked:
    """One request. Header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def model(self) -> str:
        """Return the model asked for."""
        return str(self.body.get("model", ""))

    @property
    def system(self) -> str:
        """Return the text of the system messages."""
        return self._texts("system", "developer")

    @property
    def user(self) -> str:
        """Return the text of the user messages."""
        return self._texts("user")

    @property
    def text(self) -> str:
        """Return the text of all messages."""
        return self._texts("system", "developer", "user", "assistant", "tool")

    @property
    def streams(self) -> bool:
        """Return whether the answer is wanted piece by piece."""
        return self.body.get("stream") is True

    @property
    def form(self) -> Literal["schema", "function", "json", "text"]:
        """Return how the answer is asked for."""
        if self.body.get("tools"):
            return "function"
        kind = (self.body.get("response_format") or {}).get("type")
        return "schema" if kind == "json_schema" else "json" if kind == "json_object" else "text"

    @property
    def answer(self) -> str:
        """Return the name of the schema or function asked for, empty where none is."""
        return str(self._wanted().get("name", ""))

    @property
    def schema(self) -> Mapping[str, Any]:
        """Return the JSON schema that the answer must obey, empty where none is sent."""
        wanted = self._wanted()
        return wanted.get("schema") or wanted.get("parameters") or {}

    def _wanted(self) -> Mapping[str, Any]:
        if self.form == "function":
            return self.body["tools"][0].get("function") or {}
        return (self.body.get("response_format") or {}).get("json_schema") or {}

    def _texts(self, *roles: str) -> str:
        messages = self.body.get("messages") or ()
        return "\n".join(_text(one.get("content")) for one in messages if one.get("role") in roles)


def _text(content: object) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""
