"""What speaks for ordinary work: each reason told, and a signal lowered only where several agree."""

from .asking import Question, questions
from .weighing import weighed

__all__ = ["Question", "questions", "weighed"]
