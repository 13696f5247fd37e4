"""What is said to a model, kept as files: a part that never changes, and one that holds the case.

A file in prompts/ has a line `<!-- system -->`, then text without variables, then a line `<!-- user -->` and a Jinja
template over texts. The system part comes first and stays the same in all calls, so that a provider can cache it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from jinja2 import Environment, StrictUndefined, Template, meta

__all__ = ["Prompt", "load_prompt", "prompt_names", "read_prompt"]

SYSTEM, USER = "<!-- system -->", "<!-- user -->"

# The text goes to a model, not to a browser: escaping for HTML would change what it reads. What is untrusted is fenced
# before it gets here, and a value is never read as a template.
_ENGINE = Environment(autoescape=False, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


@dataclass(frozen=True)
class Prompt:
    """One prompt file."""

    name: str
    hash: str
    """The first eight hexadecimal digits of the SHA-256 of the file's text."""
    system: str
    variables: frozenset[str]
    """What the user part needs, no more and no less."""
    _template: Template = field(repr=False, compare=False)

    @property
    def version(self) -> str:
        """Return the name with the hash, as reports give it: `plan@1f3c9a2b`."""
        return f"{self.name}@{self.hash}"

    def user(self, **values: object) -> str:
        """Return the user part with its variables filled in; raise TypeError where one is missing or unknown."""
        if missing := sorted(self.variables - values.keys()):
            raise TypeError(f"the prompt {self.name!r} needs {', '.join(missing)}")
        if unused := sorted(values.keys() - self.variables):
            raise TypeError(f"the prompt {self.name!r} has no place for {', '.join(unused)}")
        return self._template.render(values).strip()


@cache
def load_prompt(name: str) -> Prompt:
    """Return the prompt of the file prompts/NAME.md."""
    return read_prompt(name, _folder().joinpath(f"{name}.md").read_text("utf-8"))


def prompt_names() -> tuple[str, ...]:
    """Return the names of all prompt files."""
    return tuple(sorted(file.name[:-3] for file in _folder().iterdir() if file.name.endswith(".md")))


def read_prompt(name: str, text: str) -> Prompt:
    """Read the text of a prompt file; raise ValueError where a part is missing or the system part has variables."""
    before, system_mark, rest = text.partition(f"{SYSTEM}\n")
    system, user_mark, user = rest.partition(f"\n{USER}\n")
    if before.strip() or not (system_mark and user_mark and system.strip() and user.strip()):
        raise ValueError(f"prompts/{name}.md needs a line {SYSTEM} with text below it, then a line {USER} with text")
    if any(mark in system for mark in ("{{", "{%", "{#")):
        raise ValueError(f"prompts/{name}.md: the system part is the same in all calls and takes no variables")
    return Prompt(
        name=name,
        hash=hashlib.sha256(text.encode()).hexdigest()[:8],
        system=system.strip(),
        variables=frozenset(meta.find_undeclared_variables(_ENGINE.parse(user))),
        _template=_ENGINE.from_string(user),
    )


def _folder() -> Traversable:
    return resources.files(__package__ or __name__).joinpath("prompts")
