"""The guard: what may be asked, and the proof that a query asks no more."""

from .check import TextVerdict, Verdict, check, check_text, recheck
from .cost import TOO_MUCH, Weighed, weigh
from .policy import Budgets, Policy, Refusals, TablePolicy, load_policy
from .shaping import returns_events

__all__ = [
    "TOO_MUCH",
    "Budgets",
    "Policy",
    "Refusals",
    "TablePolicy",
    "TextVerdict",
    "Verdict",
    "Weighed",
    "check",
    "check_text",
    "load_policy",
    "recheck",
    "returns_events",
    "weigh",
]
