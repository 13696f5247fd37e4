"""The report as one HTML page for people: what was found, when, between whom, and what proves it."""

from .rendering import as_html

__all__ = ["as_html"]
