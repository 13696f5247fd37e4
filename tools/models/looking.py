"""Whether a model is there and its key is taken: asked without a prompt, so that it costs nothing."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from soc_analyst.state.errors import UnreachableError

from .clients import OPENAI_URL, Timeouts, open_clients
from .keys import Keys, key_name
from .spec import ModelSpec
from .troubles import FAULTS, NoCredential, Trouble, TroubleError, trouble_of

if TYPE_CHECKING:
    import openai

__all__ = ["look_at"]

_WAITS = Timeouts(connect=5.0, read=15.0)


async def look_at(spec: ModelSpec, keys: Keys, *, openai_url: str = OPENAI_URL) -> str:
    """Return that a provider answers and lists the model; raise UnreachableError where it does not, with what to do."""
    async with AsyncExitStack() as stack:
        clients = await stack.enter_async_context(open_clients(keys, timeouts=_WAITS, openai_url=openai_url))
        try:
            client = await clients.of(spec)
            names = await _listed(client.root_async_client)
        except TroubleError as error:
            raise UnreachableError(error.trouble.line(str(spec), key_name(spec))) from error
    if spec.kind == "azure":
        return "the endpoint answers and takes the key; whether it has the deployment shows when it is asked"
    if spec.name not in names:
        raise UnreachableError(Trouble("missing").line(str(spec), key_name(spec)))
    return "it answers and takes the key"


async def _listed(client: openai.AsyncOpenAI) -> set[str]:
    import httpx2
    import openai

    try:
        page = await client.models.list()
        return {str(one.id) for one in page.data or ()}
    except (openai.OpenAIError, httpx2.HTTPError, NoCredential, *FAULTS) as error:
        raise TroubleError(trouble_of(error)) from error
