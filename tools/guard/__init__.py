"""The guard: what may be asked, and the proof that a query asks no more."""

from .check import TextVerdict, Verdict, check, check_text, recheck
from .cost import estimated
from .policy import Budgets, Policy, Refusals, TablePolicy, load_policy

__all__ = [
    "Budgets",
    "Policy",
    "Refusals",
    "TablePolicy",
    "TextVerdict",
    "Verdict",
    "check",
    "check_text",
    "estimated",
    "load_policy",
    "recheck",
]
