"""A place in the tokens, with the limits that hold while reading."""

from __future__ import annotations

from soc_analyst.state.queries import Diagnostic

from .lexer import Token
from .tree import Span
from .trouble import Trouble

__all__ = ["MAX_NESTING", "Stream"]

MAX_NESTING = 40
"""Levels of parentheses, calls and nested pipelines; the embedded engine's own parser gives up near 60."""


class Stream:
    """Tokens and a position; all reading goes through here."""

    def __init__(self, tokens: list[Token], max_nesting: int = MAX_NESTING) -> None:
        self.tokens = tokens
        self.max_nesting = min(max_nesting, MAX_NESTING)
        self.at = 0
        self.level = 0
        self.problems: list[Diagnostic] = []

    def report(self, trouble: Trouble) -> None:
        """Note a fault after which reading goes on; that the text ends is no news after another fault."""
        found = trouble.diagnostic
        if found not in self.problems and not (self.problems and found.start >= self.tokens[-1].start):
            self.problems.append(found)

    @property
    def next(self) -> Token:
        """The token to be read."""
        return self.tokens[self.at]

    def peek(self, ahead: int = 1) -> Token:
        """Return a later token without moving."""
        return self.tokens[min(self.at + ahead, len(self.tokens) - 1)]

    def take(self) -> Token:
        """Return the token and move past it; the end is never passed."""
        token = self.tokens[self.at]
        if token.kind != "end":
            self.at += 1
        return token

    def is_sign(self, *signs: str) -> bool:
        """Return whether one of these signs comes next."""
        token = self.tokens[self.at]
        return token.kind == "sign" and token.text in signs

    def is_word(self, *words: str) -> bool:
        """Return whether one of these words comes next."""
        token = self.tokens[self.at]
        return token.kind == "name" and token.text in words

    def accept(self, sign: str) -> bool:
        """Move past a sign if it comes next."""
        token = self.tokens[self.at]
        if token.kind == "sign" and token.text == sign:
            self.at += 1
            return True
        return False

    def accept_word(self, word: str) -> bool:
        """Move past a word if it comes next; in capitals it is a fault, but no riddle."""
        token = self.tokens[self.at]
        if token.kind != "name" or (token.text != word and token.text.lower() != word):
            return False
        if token.text != word:
            what = f"`{token.text}` is written in small letters"
            self.report(Trouble("unknown-operator", what, token.span, f"did you mean {word}?"))
        self.at += 1
        return True

    def expect(self, sign: str, after: str) -> Token:
        """Move past a sign that must come next."""
        if not self.is_sign(sign):
            raise self.unexpected(f"`{sign}` is missing {after}")
        return self.take()

    def take_name(self, what: str) -> Token:
        """Move past a name that must come next, such as the value of a parameter."""
        if self.next.kind != "name":
            raise self.unexpected(f"{what} is missing")
        return self.take()

    def expect_word(self, word: str, after: str) -> None:
        """Move past a word that must come next."""
        if not self.accept_word(word):
            raise self.unexpected(f"`{word}` is missing {after}")

    def unexpected(self, message: str, hint: str = "") -> Trouble:
        """Return what to raise about the token that comes next."""
        token = self.next
        found = "the text ends here" if token.kind == "end" else f"found {self.shown(token)}"
        return Trouble("syntax", f"{message}; {found}", token.span, hint)

    @staticmethod
    def shown(token: Token) -> str:
        """Return a token as a message shows it."""
        return "a string" if token.kind == "string" else f"`{token.text[:40]}`"

    def since(self, start: int) -> Span:
        """Return the span from a code point to the end of the token last read."""
        last = self.tokens[max(self.at - 1, 0)]
        return Span(start, max(last.start + last.length - start, 0))

    def enter(self) -> None:
        """Count one level deeper; pair with `leave`."""
        self.level += 1
        if self.level > self.max_nesting:
            raise Trouble(
                "too-deep", f"nested deeper than {self.max_nesting} levels", self.next.span, "flatten the query"
            )

    def leave(self) -> None:
        """Count one level back."""
        self.level -= 1
