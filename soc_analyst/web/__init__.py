"""A view on this machine: ask, watch an investigation work, answer for its plans, read its report, ask further."""

from .server import Address, serve

__all__ = ["Address", "serve"]
