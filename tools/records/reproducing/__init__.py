"""What makes a report's findings again: queries that return the rows they cite, and no others."""

from .citing import Citation, Uncited, citations_of
from .ground import Ground
from .ran import Ran, ran_of

__all__ = ["Citation", "Ground", "Ran", "Uncited", "citations_of", "ran_of"]
