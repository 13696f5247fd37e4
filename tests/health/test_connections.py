"""What keeps a request from its answer, told apart by what the real client raises on the wire."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.certificate import write_certificate
from soc_analyst.tools.logs.azure.claims import Claims, read_claims
from soc_analyst.tools.logs.azure.probing import Refused, ask_nothing
from soc_analyst.tools.logs.azure.spec import AzureSpec, parse_azure_spec
from soc_analyst.tools.logs.azure.variables import Variables
from soc_analyst.tools.logs.service import LogAnalyticsService, unsigned_token
from soc_analyst.tools.logs.service.identity import CLIENT, PRINCIPAL, TENANT

from ..logs.live import Credential
from .conftest import WORKSPACE


@contextmanager
def listening(answer: Callable[[socket.socket], object]) -> Iterator[int]:
    """Answer each connection to a free port in some way."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                answer(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)


async def refused(endpoint: str, authority: Path | None = None) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        await ask_nothing(AzureSpec((WORKSPACE,), endpoint), WORKSPACE, Credential(), authority=authority)
    return caught.value.why.message, caught.value.why.hint


def plain(connection: socket.socket) -> None:
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.usefixtures("bare")
async def test_a_server_without_tls() -> None:
    with listening(plain) as port:
        what, hint = await refused(f"https://127.0.0.1:{port}")
    assert what == f"127.0.0.1:{port} speaks no TLS that this machine takes" and "the port" in hint


@pytest.mark.usefixtures("bare")
async def test_a_server_that_hangs_up() -> None:
    with listening(lambda connection: connection.recv(65_536)) as port:
        what, _ = await refused(f"https://127.0.0.1:{port}")
    assert what == f"127.0.0.1:{port} could not be reached (no connection)"


async def test_a_proxy_that_wants_a_password(bare: pytest.MonkeyPatch) -> None:
    def asks(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    with listening(asks) as port:
        bare.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        what, hint = await refused("https://api.loganalytics.io")
    assert what == "the proxy refused the way with status 407" and "user, password" in hint


@pytest.mark.usefixtures("bare")
async def test_a_certificate_for_another_name(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def shake(connection: socket.socket) -> None:
        with pytest.raises((ssl.SSLError, OSError)), context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(1)

    with listening(shake) as port:
        what, hint = await refused(f"https://[::ffff:127.0.0.1]:{port}", certificate)
    assert "is for another name" in what and "endpoint" in hint


async def test_no_token_goes_out_without_tls(tmp_path: Path) -> None:
    with LogAnalyticsService({}, home=tmp_path, token="token") as served:
        await refused(served.url)
        assert served.url.startswith("http://") and served.posted == ()
    with pytest.raises(OperatorError, match="with https"):
        parse_azure_spec(f"azure:{WORKSPACE}@http://127.0.0.1")


def test_what_a_token_says() -> None:
    begins, ends = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    claims = read_claims(unsigned_token(user="a@contoso.com", begins=begins, ends=ends))
    assert claims == Claims(TENANT, PRINCIPAL, CLIENT, "a@contoso.com", begins, ends)
    assert claims.who == "a@contoso.com"


@pytest.mark.parametrize(
    "text", ["", "opaque", "a.b", "a.!!!.c", "a.W10.c", "a.eyJ0aWQiOiAxfQ.c", "a." + "W1t" * 9999 + ".c"]
)
def test_a_token_of_another_form_says_nothing(text: str) -> None:
    assert read_claims(text) == Claims()


def test_a_hostile_token_says_nothing_that_is_no_id() -> None:
    assert read_claims(unsigned_token(tenant="x'; rm -rf ~", user="\x1b[2Jalice")).who == f"application {CLIENT}"


ID, TENANT_ID, SECRET, PATH = (
    "AZURE_CLIENT_ID",
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PATH",
)


@pytest.mark.parametrize(
    ("present", "chosen", "lacking"),
    [
        ((), "", ()),
        ((ID,), "", ()),  # names one of several managed identities
        ((TENANT_ID,), "", ()),
        ((ID, TENANT_ID), "", (f"{SECRET} or {PATH}",)),
        ((SECRET,), "", (ID, TENANT_ID)),
        ((ID, PATH), "", (TENANT_ID,)),
        ((ID, TENANT_ID, SECRET), "", ()),
        ((ID, TENANT_ID, "AZURE_FEDERATED_TOKEN_FILE"), "", ()),
        ((), "EnvironmentCredential", (ID, TENANT_ID, SECRET)),
    ],
)
def test_when_a_credential_is_half_set(present: tuple[str, ...], chosen: str, lacking: tuple[str, ...]) -> None:
    assert Variables(frozenset(present), chosen=chosen).lacking == lacking
