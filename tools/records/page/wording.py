"""Times, amounts and indicators as the page writes them."""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime

__all__ = ["clipped", "defanged_indicator", "millis", "moment"]

NAME = re.compile(r"(?:[a-z0-9_-]+\.)+[a-z][a-z0-9-]{1,62}", re.IGNORECASE)


def moment(at: datetime | None) -> str:
    """Return an instant in UTC to the second, empty for none."""
    return f"{at:%Y-%m-%d %H:%M:%S}" if at is not None else ""


def millis(elapsed: float) -> str:
    """Return a stretch of time in the unit that suits it."""
    return f"{elapsed:,.0f} ms" if elapsed < 1000 else f"{elapsed / 1000:,.1f} s"


def clipped(text: str, longest: int) -> str:
    """Return a text cut to a length, saying how much was left out."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text) - longest:,} more characters)"


def defanged_indicator(text: str) -> str:
    """Return an address or a host name so that nothing makes it a link; anything else as it is."""
    try:
        return text.replace(".", "[.]") if ipaddress.ip_address(text).version == 4 else text.replace(":", "[:]")
    except ValueError:
        return text.replace(".", "[.]") if NAME.fullmatch(text) else text
