"""Where checkpoints are kept, as a setting or an option names it; a password in it is shown to nobody."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from soc_analyst.state.errors import OperatorError

__all__ = ["Database", "database_of"]

OPTION = "--checkpoints"
SCHEMES = ("postgresql", "postgres")
SQLITE = "sqlite"


@dataclass(frozen=True)
class Database:
    """A Postgres database by its URL."""

    url: str = field(repr=False)
    """As it was given, with a password if there is one in it."""
    shown: str
    """Without user, password and parameters: what may stand in a message."""
    has_password: bool = False


def database_of(given: str | None) -> Database | None:
    """Read the name of a database; None means SQLite below the data folder."""
    text = (given or "").strip()
    if text in ("", SQLITE):
        return None
    try:
        parts = urlsplit(text)
        host, port, password = parts.hostname or "", parts.port, parts.password
    except ValueError:  # whose text may quote a password
        told = "is no URL; write postgresql://HOST/DATABASE, and special characters of a password as %XX"
        raise OperatorError(told, where=OPTION) from None
    if parts.scheme not in SCHEMES:
        raise OperatorError("takes `sqlite` or postgresql://HOST/DATABASE", where=OPTION)
    asked = dict(parse_qsl(parts.query))
    shown = urlunsplit(("postgresql", f"{host}:{port}" if port else host, parts.path, "", ""))
    return Database(text, shown, bool(password or "password" in asked))
