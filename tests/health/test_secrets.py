"""Secrets do not get into text that people see; prose that only speaks of them stays as it is."""

import pytest

from soc_analyst.tools.secrets import MARK, without_secrets

SEEDED = (
    "Authorization: Bearer seeded1234567890",
    "client_secret=seeded&scope=x",
    "DefaultEndpointsProtocol=https;AccountName=logs;AccountKey=seeded==;EndpointSuffix=core.windows.net",
    "Endpoint=sb://bus/;SharedAccessKeyName=root;SharedAccessKey=seeded=",
    "https://store/blob?sv=2024&sig=seeded%3D&se=1",
    "proxy http://alice:seeded@proxy:8080/ refused",
    '{"access_token": "seeded12", "token_type": "Bearer"}',
    "'refresh_token': 'seeded12'",
    "password: seeded12",
    "OPENAI_API_KEY=sk-seeded-0123456789",
    "Incorrect API key provided: sk-seeded-0123456789.",
    "got eyJhbGciOiJSUzI1NiJ9.eyJ0aWQiOiJzZWVkZWQifQ.seeded-signature back",
)


@pytest.mark.parametrize("text", SEEDED)
def test_what_is_written_as_a_secret_is_marked(text: str) -> None:
    told = without_secrets(text)
    assert "seeded" not in told and MARK in told


def test_a_known_value_is_marked_wherever_it_stands() -> None:
    assert without_secrets("a hunter two-words b", {"hunter two-words", "hunter"}) == f"a {MARK} b"
    assert without_secrets("an abc is short", {"abc"}) == "an abc is short"


@pytest.mark.parametrize(
    "text",
    [
        "managed identity: no identity is assigned to this resource",
        "the token is of tenant 77777777-7777-4777-8777-777777777777",
        "OPENAI_API_KEY: holds spaces or characters that no key has; set it anew",
        "Bearer token authentication is not permitted for non-TLS protected (https) URLs",
        "Set AZURE_CLIENT_SECRET to the secret's value, not to its id.",
    ],
)
def test_prose_stays(text: str) -> None:
    assert without_secrets(text) == text
