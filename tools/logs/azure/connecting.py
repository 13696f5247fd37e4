"""Why the service, or who gives out tokens, could not be reached: name, connection, proxy or certificate."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator

import aiohttp

__all__ = ["chain_of", "why_unreached"]

Why = tuple[str, str]
"""What happened, and what to do."""
CERTIFICATES = (
    "If a proxy of your company opens TLS, name the file of its certificates: SSL_CERT_FILE=/path/to/ca.pem; "
    "the system's alone count otherwise."
)
PROXY = "Check HTTPS_PROXY (address, user, password), or name the host in NO_PROXY."
NETWORK = "Check the network, the firewall and HTTPS_PROXY."
_EXPIRED = 10
"""X509_V_ERR_CERT_HAS_EXPIRED; 9 is not yet valid (OpenSSL)."""
_NOT_YET = 9


def why_unreached(error: BaseException) -> Why:
    """Return what kept a request from its answer, in our words, and what to do."""
    chain = tuple(chain_of(error))
    for one in chain:
        if isinstance(one, aiohttp.ClientConnectorCertificateError):
            return _of_certificate(one)
        if isinstance(one, ssl.SSLCertVerificationError):
            return _of_verification("the service", one)
        if isinstance(one, aiohttp.ClientHttpProxyError):
            return f"the proxy refused the way with status {one.status}", PROXY
        if isinstance(one, aiohttp.ClientProxyConnectionError):
            return f"the proxy {one.host}:{one.port} could not be reached", PROXY
        if isinstance(one, aiohttp.ClientConnectorDNSError):
            return f"the name {one.host} is not known", "Check its spelling, the DNS of this machine and the network."
        if isinstance(one, aiohttp.ClientConnectorSSLError | ssl.SSLError):
            where = f"{one.host}:{one.port}" if isinstance(one, aiohttp.ClientConnectorError) else "the service"
            return f"{where} speaks no TLS that this machine takes", f"Check the endpoint, the port and {PROXY[6:]}"
        if isinstance(one, aiohttp.ClientConnectorError):
            return f"{one.host}:{one.port} could not be reached ({_reason(one)})", NETWORK
    if any(isinstance(one, TimeoutError) for one in chain):
        return "no answer came in time", NETWORK
    return "the connection broke off before an answer came", NETWORK


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what caused it, the outermost first; the clients keep some causes in fields of their own."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        inner = getattr(error, "inner_exception", None) or getattr(error, "exc_value", None)
        error = error.__cause__ or error.__context__ or (inner if isinstance(inner, BaseException) else None)


def _of_certificate(error: aiohttp.ClientConnectorCertificateError) -> Why:
    where = f"{error.host}:{error.port}"
    inner = error.certificate_error
    if isinstance(inner, ssl.SSLCertVerificationError):
        return _of_verification(where, inner)
    return f"the certificate of {where} is not trusted", CERTIFICATES


def _of_verification(where: str, error: ssl.SSLCertVerificationError) -> Why:
    code, reason = getattr(error, "verify_code", 0), getattr(error, "verify_message", "")
    if code in (_EXPIRED, _NOT_YET):
        over = "is over" if code == _EXPIRED else "is not valid yet"
        return f"the certificate of {where} {over}", "Check this machine's clock first, then ask who runs the service."
    if "match" in reason.lower():
        return f"the certificate of {where} is for another name", "Check the endpoint and HTTPS_PROXY."
    return f"the certificate of {where} is not trusted ({reason or 'unknown issuer'})", CERTIFICATES


def _reason(error: aiohttp.ClientConnectorError) -> str:
    """Return the system's word for what happened; the words of the error itself hold addresses again."""
    number = error.os_error.errno
    return os.strerror(number).lower() if number else "no connection"
