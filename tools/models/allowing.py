"""Which models a policy allows; what it does not name is refused."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from soc_analyst.state.errors import OperatorError

from .catalogue import catalogue
from .spec import ModelSpec, is_loopback, parse_model_spec

__all__ = ["model_is_allowed", "require_allowed"]


def model_is_allowed(spec: ModelSpec, allowed: Iterable[str]) -> bool:
    """Return whether a policy's `models` allow a model; `none` always is."""
    return spec.kind == "none" or any(_allows(entry, spec) for entry in allowed)


def _allows(entry: str, spec: ModelSpec) -> bool:
    if entry == "catalogue":
        return spec.kind in ("openai", "azure") and spec.name in catalogue().models
    if entry == "loopback":
        return spec.kind == "server" and is_loopback(spec.base_url)
    return _named_by(entry, spec)


def _named_by(entry: str, spec: ModelSpec) -> bool:
    """Return whether an entry such as `azure:soc-*` names a model; only names have patterns, a URL is one URL."""
    name, at, url = entry.partition("@")
    if not at:
        return spec.kind != "server" and fnmatchcase(str(spec), entry)
    try:
        named = parse_model_spec(f"any@{url}")
    except OperatorError:
        return False
    return spec.kind == "server" and spec.base_url == named.base_url and fnmatchcase(spec.name, name)


def require_allowed(spec: ModelSpec, allowed: tuple[str, ...]) -> None:
    """Raise OperatorError with the list of what is allowed, unless the model is."""
    if not model_is_allowed(spec, allowed):
        listed = ", ".join(dict.fromkeys(one for entry in allowed for one in _listed(entry)))
        raise OperatorError(f"{spec} is not allowed by policy; allowed are none, {listed}", where="--model")


def _listed(entry: str) -> Iterable[str]:
    if entry == "catalogue":
        return (f"openai:{name}" for name in catalogue().models)
    return ("NAME@URL of a server on this machine",) if entry == "loopback" else (entry,)
