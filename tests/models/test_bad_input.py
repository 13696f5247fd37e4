"""What a model, a server or the way to it can do wrong: each ends in one clear line that holds no secret."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from soc_analyst.tools.models.asking import Terms, open_door
from soc_analyst.tools.models.languages import foreign
from soc_analyst.tools.models.scripted import Called, Endless, Reply, Said, denied, not_found
from soc_analyst.tools.models.spec import ModelSpec

from .doors import GOOD, KEYS, Route, Time, door, request

TEXT = json.dumps(GOOD)
SECRETS = ("sk-secret", "secret-of-server", "secret-of-azure", "user:hidden")
GERMAN = "Auf dem Rechner wurde eine Datei von einer Person nicht mit dem Konto"
LANGUAGES = [
    GERMAN,
    "Le fichier est dans une archive qui est pour les comptes",
    "El archivo fue copiado por los usuarios con las cuentas en una hora",
    "O arquivo não foi copiado pelo dono dos dados com uma conta",
    "Il file di una cartella che nel giorno sono gli utenti della rete",
    "Het bestand is met een account van het domein niet voor de op",
    "Посмотреть на компьютер и проверить входы",
    "调查主机上的可疑登录活动并检查账户",
]
PLAIN = [
    "The files of a user were copied to another host by robocopy on the share",
    "ws-1",
    "C:\\Users\\das\\von\\mit\\les\\por powershell.exe -enc AAAA was run by the user on the host",
    "net user el los las /add",
    "",
]


@pytest.mark.parametrize("text", LANGUAGES)
def test_another_language_is_noticed(text: str) -> None:
    assert foreign(Route.model_construct(title=text, steps=[], note=None), "What is next?")


@pytest.mark.parametrize("text", PLAIN)
def test_english_with_names_of_any_kind_is_not(text: str) -> None:
    assert not foreign(Route.model_construct(title=text, steps=[], note=None), "What is next?")


BAD: list[tuple[Reply, str]] = [
    (not_found(), "is not there (404 model_not_found); check the model's name"),
    (denied(401, "Incorrect API key provided: sk-secret-of***"), "refused the key (401 invalid_api_key)"),
    (Said("x" * 10_000_000), "did not come to an end"),
    (Said(json.dumps({"title": GERMAN[:40], "steps": [], "note": GERMAN[10:50]})), "it is in another language"),
    (Called("run_shell", '{"command": "rm -rf /"}'), "it calls a function that does not exist"),
    (Endless("yes and "), "it repeats itself or does not end"),
    (Said('{"title": "Look", "title": "Away", "steps": [], "note": null}'), "its JSON holds a key twice"),
    (Called("Route", '{"title": "Look", "title": "Away", "steps": [], "note": null}'), "its JSON holds a key twice"),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "why"), BAD)
async def test_it_ends_in_one_line(tmp_path: Path, reply: Reply, why: str) -> None:
    async with door(lambda _: reply, tmp_path) as (asker, _server, _passing):
        answer = await asker.ask(request())
    assert answer.value is None
    lines = [line for line in answer.said if "broke off" not in line]
    assert len(lines) == 1
    assert why in lines[0]
    assert "\n" not in lines[0]
    assert len(lines[0]) < 300
    assert not any(secret in line for line in answer.said for secret in SECRETS)
    assert not any(secret in _kept(tmp_path) for secret in SECRETS)


def _kept(folder: Path) -> str:
    return "".join(path.read_text("utf-8") for path in folder.rglob("*.json"))


@asynccontextmanager
async def _proxy(reply: bytes) -> AsyncIterator[str]:
    """Serve a proxy that answers every request to connect so."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://user:hidden@127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _through(proxy: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    passing = Time()
    opened = open_door(
        ModelSpec("openai", "gpt-5-mini"), keys=KEYS, terms=Terms(("catalogue",), 1.0, over_limit=()), ledger=folder,
        run=f"proxy {folder}", openai_url="https://models.invalid/v1", clock=passing.clock, sleep=passing.sleep,
    )  # fmt: skip
    async with opened as asker:
        return await asker.ask(request())


PROXIES = [
    (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "the proxy does not let it through"),
    (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "the proxy does not let it through"),
    (b"", "("),
]


@pytest.mark.parametrize(("reply", "why"), PROXIES)
async def test_a_proxy_that_refuses_is_told_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reply: bytes, why: str
) -> None:
    async with _proxy(reply) as proxy:
        answer = await _through(proxy, tmp_path, monkeypatch)
    (line,) = answer.said
    assert why in line
    assert "openai:gpt-5-mini" in line
    assert not any(secret in line for secret in SECRETS)


async def test_a_dead_proxy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = (await _through("http://user:hidden@127.0.0.1:9", tmp_path, monkeypatch)).said
    assert "could not be reached" in line
    assert "user:hidden" not in line
