"""Errors, sorted by who must act. Refused, empty and partial results are values, not errors.

SocAnalystError
├── OperatorError      the person who runs it must change something (exit 2)
├── UnreachableError   the workspace or the model cannot be looked into (exit 4)
├── EvidenceError      what was kept is not what was written (exit 4)
├── ModelFixable       goes back to the planner as text
├── TransientError     the only one that is retried
├── ApprovalRequired   a person must say yes to a plan before the case goes on (exit 130)
├── BackendDenied      stop, keep what was found (exit 4)
└── BudgetExceeded     stop, report what was found (exit 5)
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "ApprovalRequired",
    "BackendDenied",
    "BudgetExceeded",
    "EvidenceError",
    "ModelFixable",
    "OperatorError",
    "OperatorErrors",
    "SocAnalystError",
    "TransientError",
    "UnreachableError",
]


class SocAnalystError(RuntimeError):
    """Say in one line what happened, why, and what to do."""

    exit_status = 1


class OperatorError(SocAnalystError):
    """A setting, file or option is wrong; `where` names the file and line, or the option."""

    exit_status = 2

    def __init__(self, message: str, *, where: str = "") -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where


class OperatorErrors(OperatorError):
    """Several faults of one file, a line each."""

    def __init__(self, faults: tuple[OperatorError, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults

    @classmethod
    def of(cls, faults: Sequence[OperatorError]) -> OperatorError:
        """Return the fault itself where there is one only."""
        return faults[0] if len(faults) == 1 else cls(tuple(faults))


class ApprovalRequired(SocAnalystError):
    """A plan waits for a person's answer and nobody could be asked; the case can be resumed."""

    exit_status = 130

    def __init__(self, description: str, digest: str, thread: str) -> None:
        super().__init__(
            f"the plan waits for a person; `soc-analyst resume {thread}` asks on a terminal, and "
            f"`soc-analyst resume {thread} --accept {digest}` says yes to exactly this plan"
        )
        self.description = description
        """The plan, in Markdown."""
        self.digest = digest
        self.thread = thread


class EvidenceError(SocAnalystError):
    """A kept file is gone or not as it was written."""

    exit_status = 4


class UnreachableError(SocAnalystError):
    """The workspace or the model could not be reached, or gave no permission to look."""

    exit_status = 4


class ModelFixable(SocAnalystError):
    """Whoever planned it can mend it."""


class TransientError(SocAnalystError):
    """Worth another try as it stands."""


class BackendDenied(SocAnalystError):
    """The backend refused for good."""

    exit_status = 4


class BudgetExceeded(SocAnalystError):
    """A budget is used up."""

    exit_status = 5
