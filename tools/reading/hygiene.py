"""What is let in as a question at all."""

from __future__ import annotations

import re
import unicodedata

from soc_analyst.state.errors import OperatorError

__all__ = ["MOST_BYTES", "clean_question"]

MOST_BYTES = 8 * 1024
"""The longest question, in bytes of UTF-8."""


def clean_question(text: str) -> str:
    """Return the question with ordinary blanks and without invisible characters.

    Raises OperatorError for one that is empty, too long, binary, or holds no letter.
    """
    if not text.strip():
        raise OperatorError(
            'the question is empty; ask, for example, "Anything suspicious on host WS-123 in the last day?"'
        )
    size = len(text.encode("utf-8", errors="surrogatepass"))
    if size > MOST_BYTES:
        raise OperatorError(
            f"the question is {size:,} bytes long and the limit is {MOST_BYTES:,}; use fewer words, no logs"
        )
    plain = "".join(
        " " if char in "\t\r\n\x0b\x0c\u2028\u2029" or unicodedata.category(char) == "Zs" else char for char in text
    )
    if any(unicodedata.category(char) in ("Cc", "Cs", "Cn", "Co") or char == "\ufffd" for char in plain):
        raise OperatorError("the question holds control characters or is not text; type it in plain words")
    plain = "".join(char for char in plain if unicodedata.category(char) != "Cf")
    if not any(char.isalpha() for char in plain):
        raise OperatorError(
            'the question holds no words; say what to look for, for example "failed sign-ins of alice@contoso.com"'
        )
    return re.sub(r" {2,}", " ", plain).strip()
