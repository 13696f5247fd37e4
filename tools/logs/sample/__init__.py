"""The sample tenant: two weeks of an invented company, with incidents and their harmless look-alikes."""

from .writing import generate

__all__ = ["generate"]
