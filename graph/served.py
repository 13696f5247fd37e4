"""What a server holds fast, whoever asks it: a file of the operator's, against which a user's context is a wish."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from langchain_core.messages import BaseMessage
from pydantic import Field, JsonValue, ValidationError

from soc_analyst.state.base import Value
from soc_analyst.state.errors import OperatorError

from .context import Context

__all__ = ["Served", "load_served"]

PATHS = frozenset({"policy", "sigma_rules", "known_good", "attack_data", "data_dir", "limits"})
"""Fields that name something on the server's disk, from the file's folder on."""
NEVER = PATHS | {"evidence"}
"""Fields that are never a user's to choose: where the server keeps things is among them."""
REACHING = frozenset({"workspace", "model"})
"""Fields that say whom the server speaks to: a user's to choose among `choices` at most."""
BUDGETS = ("max_rounds", "max_queries", "max_rows", "max_usd", "max_seconds")
STRICTER: Mapping[str, tuple[str, ...]] = {
    "approve": ("auto", "costly", "always"),
    "privacy": ("off", "personal", "all"),
}
"""Fields that a user may set to what is stricter than the server's, in this order."""
WISHES = ("now", "since", "until", "alert", "memory", "warn_ratio", *BUDGETS)
"""What a user may set where the file says nothing else."""


class Requests(Value):
    """How large a request may be."""

    question: int = Field(default=4_000, ge=1)
    """Characters of a question."""
    messages: int = Field(default=100, ge=1)
    """Messages of a conversation."""
    characters: int = Field(default=100_000, ge=1)
    """Characters of a conversation in all."""


class User(Value):
    """What holds for one user besides, or instead."""

    context: dict[str, JsonValue] = Field(default_factory=dict)


class Served(Value):
    """The operator's file, read."""

    context: dict[str, JsonValue] = Field(default_factory=dict)
    """What every case runs under."""
    may_set: tuple[str, ...] = WISHES
    """The fields that are left to users."""
    choices: dict[str, tuple[JsonValue, ...]] = Field(default_factory=dict)
    """The values among which a user may choose, by field."""
    most: dict[str, int | float] = Field(default_factory=dict)
    """The most of a budget that a user may ask for; the default of the budget where none is named."""
    users: dict[str, User] | None = None
    """Those who may ask, by the identity that the server's authentication gave them; null lets in whoever it does."""
    requests: Requests = Requests()

    def context_for(self, wished: Context | None, user: str | None) -> Context:
        """Return the context that a user's case runs under; raise OperatorError where more is wished than allowed."""
        wished = wished or Context()
        base = self._base(user)
        fields: dict[str, object] = {name: min(getattr(base, name), self._most(name)) for name in BUDGETS}
        faults = []
        for name in wished.model_fields_set:
            value, default = getattr(wished, name), Context.model_fields[name].default
            if value in (default, getattr(base, name)):
                continue  # a form sends its defaults too: that is no wish
            if fault := self._fault(name, value, base):
                faults.append(fault)
            fields[name] = value
        if faults:
            raise OperatorError("; ".join(faults), where="context")
        own = {"data_dir": _folder_of(base.data_dir, user), "evidence": _place_of(base.evidence, user)}
        return base.model_copy(update={**fields, **own})

    def require(self, asked: object, wished: Mapping[str, object], user: str | None) -> None:
        """Raise OperatorError where a request is too large or wishes for more than is allowed, before it is queued."""
        known = {name: value for name, value in wished.items() if name in Context.model_fields}
        try:
            context = Context.model_validate(known)
        except ValidationError as error:
            raise OperatorError(_first(error), where="context") from None
        self.context_for(context, user)
        given: Mapping[str, Any] = asked if isinstance(asked, Mapping) else {}
        messages = given.get("messages") or ()
        fault = self.fault_of(str(given.get("question") or ""), [messages] if isinstance(messages, str) else messages)
        if fault:
            raise OperatorError(fault, where="request")

    def fault_of(self, question: str, messages: Sequence[BaseMessage | Mapping[str, Any] | str]) -> str:
        """Return why a request is too large, empty where it is not."""
        texts = [_text_of(message) for message in messages]
        most = self.requests
        if len(texts) > most.messages:
            return f"{len(texts)} messages; this server takes {most.messages}: start a new thread"
        if sum(map(len, texts)) > most.characters:
            return f"a conversation of {sum(map(len, texts)):,} characters; this server takes {most.characters:,}"
        longest = max(len(question), len(texts[-1]) if texts else 0)
        if longest > most.question:
            return f"a question of {longest:,} characters; this server takes {most.question:,}"
        return ""

    def _base(self, user: str | None) -> Context:
        if self.users is None:
            return Context.model_validate(self.context)
        if user is None:
            raise OperatorError("who asks is not known; sign in", where="server")
        if user not in self.users:
            raise OperatorError("may not ask this server; its operator lists who may", where=f"user {user[:40]!r}")
        return Context.model_validate({**self.context, **self.users[user].context})

    def _most(self, name: str) -> int | float:
        usual: int | float = Context.model_fields[name].default
        return self.most.get(name, usual)

    def _fault(self, name: str, value: object, base: Context) -> str:
        """Return why a user may not have a value, empty where there is nothing against it."""
        if name in STRICTER:
            order = STRICTER[name]
            strict = order.index(str(value)) >= order.index(getattr(base, name))
            return "" if strict else f"{name} is {getattr(base, name)} or stricter on this server"
        if name in self.choices:
            allowed = self.choices[name]
            return "" if value in allowed else f"{name} is one of {', '.join(map(str, allowed))} on this server"
        if name not in self.may_set or name in base.model_fields_set:
            return f"{name} is set by this server; leave it out"
        if name in BUDGETS and isinstance(value, int | float) and value > self._most(name):
            return f"{name} is at most {self._most(name):g} on this server"
        return ""


def load_served(path: Path) -> Served:
    """Read the operator's file; raise OperatorError where it does not say what a server can hold to. Blocks."""
    where = f"served file {path}"
    try:
        given = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise OperatorError(f"cannot be read: {_line(error)}", where=where) from None
    try:
        served = Served.model_validate(given if given is not None else {})
        served = _beside(served, path.parent)
        for user in served.users if served.users is not None else (None,):
            served._base(user)
    except ValidationError as error:
        raise OperatorError(_first(error), where=where) from None
    if wrong := _faults(served):
        raise OperatorError(wrong, where=where)
    return served


def _faults(served: Served) -> str:
    """Return what in the file would leave a hole, or means nothing."""
    unknown = sorted({*served.may_set, *served.choices} - set(Context.model_fields))
    if unknown:
        return f"there is no field {unknown[0]} in a context"
    if not_theirs := sorted({*served.may_set} & (NEVER | REACHING) | {*served.choices} & NEVER):
        hint = "list its values under choices" if not_theirs[0] in REACHING else "set it under context"
        return f"{not_theirs[0]} is never a user's to choose; {hint}"
    if odd := sorted({*served.most} - {*BUDGETS}):
        return f"{odd[0]} is no budget; budgets are {', '.join(BUDGETS)}"
    return ""


def _beside(served: Served, folder: Path) -> Served:
    """Return the file's own paths from its folder on."""
    users = served.users
    if users is not None:
        users = {name: User(context=_resolved(user.context, folder)) for name, user in users.items()}
    return served.model_copy(update={"context": _resolved(served.context, folder), "users": users})


def _resolved(context: Mapping[str, JsonValue], folder: Path) -> dict[str, JsonValue]:
    told = dict(context)
    for name in PATHS & set(told):
        if isinstance(value := told[name], str):
            told[name] = str((folder / value).resolve())
    workspace = told.get("workspace")
    if isinstance(workspace, str) and (folder / workspace).is_dir():
        told["workspace"] = str((folder / workspace).resolve())
    return told


def _folder_of(data_dir: Path, user: str | None) -> Path:
    """Return a user's own part of the data folder: evidence, memory and the findings log are no one else's."""
    return data_dir if user is None else data_dir / "users" / _name_of(user)


def _place_of(evidence: str, user: str | None) -> str:
    """Return a user's own part of the place of evidence, where that is not below the data folder."""
    return f"{evidence.rstrip('/')}/users/{_name_of(user)}" if evidence and user is not None else evidence


def _name_of(user: str) -> str:
    name = re.sub(r"[^A-Za-z0-9]+", "-", user).strip("-")[:32]
    return f"{name}-{hashlib.sha256(user.encode()).hexdigest()[:12]}"


def _text_of(message: BaseMessage | Mapping[str, Any] | str) -> str:
    if isinstance(message, BaseMessage):
        return str(message.text)
    content = message.get("content", "") if isinstance(message, Mapping) else message
    return content if isinstance(content, str) else str(content)


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
