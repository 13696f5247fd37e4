"""Arguments of calls: what they must be, how they are run, and the type of the answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import get_args

from soc_analyst.tools.kql.tree import Call, Expr, Literal, Name
from soc_analyst.tools.kql.walking import walk

from .dialect import Form, Signature, dialect
from .frames import Frame, Kind
from .kinds import common, joined
from .scope import Scope

__all__ = ["Argument", "judged"]

_KINDS: frozenset[Kind] = frozenset(get_args(Kind))
_NUMBERS: frozenset[Kind] = frozenset({"long", "int", "real"})
_IN_COMMON = frozenset({"common", "choice", "ordered"})
_FITS: dict[str, frozenset[Kind]] = {
    "string": frozenset({"string", "dynamic"}),
    "json": frozenset({"string", "dynamic"}),
    "long": frozenset({"long", "int"}),
    "real": _NUMBERS,
    "number": _NUMBERS,
    "summable": _NUMBERS | {"datetime", "timespan"},
    "plain": _KINDS - {"dynamic"},
    "ordered": _KINDS - {"dynamic"},
    "exact": _KINDS - {"real", "bool"},
    **dict.fromkeys(("any", "text", "common", "choice"), _KINDS),
}
"""The types that a word of a signature stands for, where it is not that very type."""
_SAID = {
    "string": "text",
    "long": "a whole number",
    "bool": "true or false",
    "datetime": "a time",
    "timespan": "a time span",
    "dynamic": "a dynamic value",
    "json": "text or a dynamic value",
    "summable": "a number, time or time span",
    "exact": "text, a whole number, time, time span or dynamic value",
    **dict.fromkeys(("real", "number"), "a number"),
    **dict.fromkeys(("plain", "ordered"), "text, a number, time, time span or bool"),
    **dict.fromkeys(("any", "text", "common", "choice"), "a value"),
}
"""What a word of a signature asks for, as messages say it."""
_CONVERTED = frozenset({"string", "long", "int", "real", "bool", "datetime", "timespan"})


@dataclass(frozen=True)
class Argument:
    """An argument as it is written, as it is bound, and its type."""

    written: Expr
    expr: Expr
    kind: Kind


def judged(
    scope: Scope, frame: Frame, node: Call, signature: Signature, args: Sequence[Argument]
) -> tuple[tuple[Expr, ...], Kind]:
    """Report what is wrong with the arguments of a call; return them as they are run, and the type of the answer."""
    forms = signature.taking(len(args))
    if not forms:
        message = f"{node.name}() takes {_counts(signature)} arguments, not {len(args)}"
        scope.report("wrong-arguments", message, node, f"write {node.name}{signature.shown}")
        return tuple(arg.expr for arg in args), "any"
    form = next((form for form in forms if _suits(form, args)), forms[0])
    if not _suits(form, args):
        _report(scope, node, signature, forms, args)
        return tuple(arg.expr for arg in args), _given(form, args)
    words = _words(form, args)
    for word, arg in zip(words, args, strict=True):
        _constancy(scope, frame, node, word, arg)
    given = _given(form, args)
    return tuple(_as_run(word, arg, given) for word, arg in zip(words, args, strict=True)), given


def _words(form: Form, args: Sequence[Argument]) -> tuple[str, ...]:
    words = form.wanted(len(args))
    assert words is not None
    return words


def _fits(word: str, kind: Kind) -> bool:
    bare = _bare(word)
    return kind == "any" or kind in _FITS.get(bare, {"string" if bare in dialect().choices else bare})


def _bare(word: str) -> str:
    return word.rpartition(" ")[2]


def _suits(form: Form, args: Sequence[Argument]) -> bool:
    return all(_fits(word, arg.kind) for word, arg in zip(_words(form, args), args, strict=True)) and bool(
        _together(form, args)
    )


def _together(form: Form, args: Sequence[Argument]) -> Kind | None:
    """Return the one type of the arguments in common, or None where there is none."""
    words = _words(form, args)
    kinds = [arg.kind for word, arg in zip(words, args, strict=True) if word in _IN_COMMON]
    if "choice" in words:
        return common(kinds)
    everything: list[Kind] = kinds or [arg.kind for arg in args] or ["any"]
    kind = reduce(joined, everything)
    return None if kinds and kind == "any" and "any" not in kinds else kind


def _given(form: Form, args: Sequence[Argument]) -> Kind:
    kind: Kind = args[0].kind if args else "any"
    if form.gives in ("joined", "widest"):
        kind = _together(form, args) or "any"
    elif form.gives not in ("same", "wide"):
        return form.gives  # type: ignore[return-value]  # the dialect names only types beside these words
    return "long" if kind == "int" and form.gives in ("wide", "widest") else kind


def _as_run(word: str, arg: Argument, given: Kind) -> Expr:
    """Return an argument with the conversion written out that Kusto makes by itself, so that every engine makes it."""
    bare = _bare(word)
    wanted = given if bare == "choice" else "string" if bare == "text" else bare
    converted = bare == "text" or (arg.kind == "dynamic" and wanted in _CONVERTED)
    if not converted or arg.kind in ("any", wanted):
        return arg.expr
    return Call(f"to{wanted}", (arg.expr,), span=arg.expr.span)


def _constancy(scope: Scope, frame: Frame, node: Call, word: str, arg: Argument) -> None:
    """Report what changes from row to row, or is computed, where Kusto wants it fixed."""
    how, _, bare = word.rpartition(" ")
    if how == "const" and not all(
        name.name in scope.values and name.name not in frame for name in walk(arg.expr) if isinstance(name, Name)
    ):
        message = f"{node.name}() wants {_said(bare)} here, the same for every row"
        scope.report("refused-arguments", message, arg.written, "write the value, or name it with let")
    elif how == "column" and not isinstance(arg.expr, Name):
        message = f"{node.name}() wants the name of a column here"
        scope.report("refused-arguments", message, arg.written, "compute it with extend before")
    elif how == "literal":
        _literal(scope, node, bare, arg)


def _literal(scope: Scope, node: Call, word: str, arg: Argument) -> None:
    if not isinstance(arg.expr, Literal):
        message = f"{node.name}() wants its text written out here"
        scope.report("refused-arguments", message, arg.written, "write the text itself")
        return
    known, text = dialect().choices.get(word), arg.expr.value
    if known is not None and text is not None and str(text).lower() not in known:
        message = f"{node.name}() does not know `{str(text)[:40]}`"
        scope.report("refused-arguments", message, arg.written, f"write one of {', '.join(known)}")
    elif text == "":
        scope.report("empty-value", f"{node.name}() with an empty text gives nothing", arg.written)


def _report(scope: Scope, node: Call, signature: Signature, forms: tuple[Form, ...], args: Sequence[Argument]) -> None:
    misfits = list(_misfits(forms, args))
    for words, arg in misfits:
        wanted = _series(dict.fromkeys(_said(word) for word in words), "or")
        message = f"{node.name}() wants {wanted} here, this is {arg.kind}"
        hint = (_use(words[0], arg.kind) if len(words) == 1 else "") or f"write {node.name}{signature.shown}"
        scope.report("type-mismatch", message, arg.written, hint)
    if not misfits:
        message = f"{node.name}() does not take {_series([arg.kind for arg in args], 'and')} together"
        alike = "convert them to one type" if _IN_COMMON & set(_words(forms[0], args)) else ""
        scope.report("type-mismatch", message, node, alike or f"write {node.name}{signature.shown}")


def _misfits(forms: tuple[Form, ...], args: Sequence[Argument]) -> Iterator[tuple[tuple[str, ...], Argument]]:
    """Give the arguments that no form takes at their places, and what the forms take there."""
    for at, arg in enumerate(args):
        words = [_words(form, args)[at] for form in forms]
        if not any(_fits(word, arg.kind) for word in words):
            yield tuple(dict.fromkeys(words)), arg


def _said(word: str) -> str:
    bare = _bare(word)
    return _SAID["string" if bare in dialect().choices else bare]


def _series(parts: Iterable[str], last: str) -> str:
    *before, end = parts
    return f"{', '.join(before)} {last} {end}" if before else end


def _use(word: str, kind: Kind) -> str:
    """Return what makes a value fit, or nothing where several ways could."""
    bare = _bare(word)
    if bare in ("number", "real", "summable"):
        return {"string": "use tolong() or toreal()", "dynamic": "use toreal()", "bool": "use tolong()"}.get(kind, "")
    if bare == "timespan" and kind in _NUMBERS:
        return "write a time span, as 30m, 1h or 7d"
    if bare == "bool" and kind != "dynamic":
        return "compare it with a value"
    if kind == "dynamic":
        bare = {"plain": "string", "ordered": "string"}.get(bare, bare)
    return f"use to{bare}()" if bare in {*_CONVERTED, "dynamic"} else ""


def _counts(signature: Signature) -> str:
    least = min(form.required for form in signature.forms)
    if any(form.repeated for form in signature.forms):
        return f"{least} or more"
    most = max(len(form.takes) for form in signature.forms)
    return str(most) if most == least else f"{least} to {most}"
