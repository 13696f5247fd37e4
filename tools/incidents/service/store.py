"""What the service keeps, and its rules (Microsoft.SecurityInsights, 2025-09-01): incidents and comments by name."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Reply", "SentinelWorkspace", "refusal"]

API_VERSIONS = frozenset({"2024-03-01", "2024-09-01", "2025-03-01", "2025-06-01", "2025-09-01"})
MOST_DESCRIPTION, MOST_COMMENT, MOST_COMMENTS = 5_000, 30_000, 100
SEVERITIES = ("High", "Medium", "Low", "Informational")
STATUSES = ("New", "Active", "Closed")
SETTABLE = frozenset({
    "title", "description", "severity", "status", "labels", "firstActivityTimeUtc", "lastActivityTimeUtc", "owner",
    "classification", "classificationComment", "classificationReason",
})  # fmt: skip
"""Properties of an incident that are not read-only; others are passed over."""
Reply = tuple[int, dict[str, Any]]


def refusal(status: int, code: str, message: str) -> Reply:
    """Return an error as Azure Resource Manager writes it."""
    return status, {"error": {"code": code, "message": message}}


@dataclass
class SentinelWorkspace:
    """A workspace: `id` is its Workspace ID.

    What the API's own description leaves open: `conditional` says whether `If-None-Match` is honoured, `absence` is the
    code of a 404 for what is not there, empty for one without a body.
    """

    id: str = ""
    onboarded: bool = True
    conditional: bool = True
    absence: str = "NotFound"
    incidents: dict[str, dict[str, Any]] = field(default_factory=dict)
    comments: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _count: int = 3000

    def answer(
        self, method: str, path: str, names: tuple[str, str], body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Reply:
        """Return what the service says to one request; `names` are those of an incident and of a comment or none."""
        incident, comment = names
        with self._lock:
            if comment and incident not in self.incidents:
                return refusal(404, "NotFound", f"Incident '{incident}' does not exist")
            shelf = self.comments.setdefault(incident, {}) if comment else self.incidents
            if method == "GET":
                there = shelf.get(comment or incident)
                return (200, there) if there else self._absent(comment or incident)
            if method != "PUT":
                return refusal(405, "UnsupportedApiVersion", f"does not support HTTP method '{method}'")
            return self._put(path, shelf, comment or incident, bool(comment), body, headers)

    def _absent(self, name: str) -> Reply:
        return refusal(404, self.absence, f"'{name}' does not exist") if self.absence else (404, {})

    def _put(
        self,
        path: str,
        shelf: dict[str, dict[str, Any]],
        name: str,
        is_comment: bool,
        body: Mapping[str, Any],
        headers: Mapping[str, str],
    ) -> Reply:
        properties = body.get("properties")
        wrong = _comment_fault(properties, shelf, name) if is_comment else _incident_fault(properties)
        if wrong:
            return refusal(400, "BadRequest", wrong)
        assert isinstance(properties, dict)
        there = shelf.get(name)
        if there is not None and self.conditional and headers.get("if-none-match") == "*":
            return refusal(412, "PreconditionFailed", f"'{name}' exists")
        if there is not None and body.get("etag") not in (None, there["etag"]):
            return refusal(
                409, "Conflict", f"Newer instance of '{name}' exists (Etag does not match). Data was not saved."
            )
        self._count += 1
        kept = dict(properties) if is_comment else self._incident(path, properties, there)
        shelf[name] = {"id": path, "name": name, "etag": f'"{self._count}"', "properties": kept}
        return (201 if there is None else 200), shelf[name]

    def _incident(self, path: str, properties: Mapping[str, Any], there: Mapping[str, Any] | None) -> dict[str, Any]:
        number = there["properties"]["incidentNumber"] if there else self._count
        labels = [{**label, "labelType": "User"} for label in properties.get("labels") or ()]
        return {
            **{key: value for key, value in properties.items() if key in SETTABLE},
            "labels": labels,
            "incidentNumber": number,
            "incidentUrl": f"https://portal.azure.com/#asset/Microsoft_Azure_Security_Insights/Incident{path}",
            "additionalData": {"alertsCount": 0, "bookmarksCount": 0, "commentsCount": 0, "tactics": []},
            "providerName": "Azure Sentinel",
        }


def _incident_fault(properties: object) -> str:
    if not isinstance(properties, dict):
        return "properties are required"
    for key, allowed in (("severity", SEVERITIES), ("status", STATUSES)):
        if properties.get(key) not in allowed:
            return f"'{key}' must be one of {', '.join(allowed)}"
    if not str(properties.get("title") or "").strip():
        return "'title' is required"
    if _units(str(properties.get("description") or "")) > MOST_DESCRIPTION:
        return f"Description length should not exceed {MOST_DESCRIPTION} characters"
    if any(not str(label.get("labelName") or "").strip() for label in properties.get("labels") or ()):
        return "'labelName' is required"
    return ""


def _comment_fault(properties: object, shelf: Mapping[str, object], name: str) -> str:
    if not isinstance(properties, dict) or not str(properties.get("message") or "").strip():
        return "'message' is required"
    if _units(str(properties["message"])) > MOST_COMMENT:
        return f"Comment length should not exceed {MOST_COMMENT} characters"
    return f"an incident takes {MOST_COMMENTS} comments" if name not in shelf and len(shelf) >= MOST_COMMENTS else ""


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
