"""Who may use the view: whoever knows the token of its address, from a page of its own, under a name of its own.

A page of another site that a browser has open can send requests to loopback too. It cannot know the token, its requests
carry another origin, and a name that it lets point here is none of ours.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from aiohttp import web
from aiohttp.typedefs import Middleware

__all__ = ["Access", "OneLineError"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
ASSETS = "/assets/"
"""Style and script, the same for everybody: the page that refuses somebody needs them too."""
SAFE = frozenset({"GET", "HEAD"})
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with none, a browser hides from our own forms where they come from
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class OneLineError(Exception):
    """Something the person at the browser can mend: shown as a page, with its status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Access:
    """The token and the names of one server."""

    host: str
    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @property
    def url(self) -> str:
        """The address to open, token and all."""
        return f"{self.origin}/?{urlencode({'token': self.token})}"

    @property
    def origin(self) -> str:
        """Scheme, name and port."""
        return f"http://{self._bracketed}:{self.port}"

    @property
    def cookie(self) -> str:
        """The name of the cookie that holds the token; browsers share cookies between the ports of a host."""
        return f"soc_analyst_{self.port}"

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def _names(self) -> tuple[str, ...]:
        names = LOOPBACK if self._bracketed in LOOPBACK else (self._bracketed,)
        return tuple(f"{name}:{self.port}" for name in names)

    def middleware(self) -> Middleware:
        """Return what stands before every page."""

        @web.middleware
        async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._require_own_name(request)
            if request.path.startswith(ASSETS):
                return await handler(request)
            given = request.query.get("token")
            if given is not None and request.method == "GET":
                return self._let_in(request, given)
            if not self._knows(request.cookies.get(self.cookie, "")):
                raise OneLineError(
                    "This view is for whoever started it: open the address that `soc-analyst web` printed.", 403
                )
            if request.method not in SAFE:
                self._require_own_page(request)
            return await handler(request)

        return guarded

    def _knows(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())

    def _let_in(self, request: web.Request, given: str) -> web.StreamResponse:
        """Keep the token as a cookie, and take it out of the address, which histories and screenshots show."""
        if not self._knows(given):
            raise OneLineError(
                "The token in this address is not this server's: open the address that it printed when it started.", 403
            )
        answer = web.Response(status=303, headers={"Location": request.path})
        answer.set_cookie(self.cookie, self.token, httponly=True, samesite="Strict", path="/")
        return answer

    def _require_own_name(self, request: web.Request) -> None:
        if request.host.lower() not in self._names:
            raise OneLineError(f"This view is at {self.origin}, and answers to no other name.", 421)

    def _require_own_page(self, request: web.Request) -> None:
        origin = request.headers.get("Origin")
        own = {f"http://{name}" for name in self._names}
        if origin is not None and origin.lower() not in own:
            raise OneLineError("A page of another site asked for this; nothing was done.", 403)
        if origin is None and request.headers.get("Sec-Fetch-Site") != "same-origin":
            raise OneLineError("This was not asked for by a page of this view; nothing was done.", 403)
