"""The addresses of the view, and what each does."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import web
from pydantic import ValidationError

from soc_analyst.graph.approval.approving import HASH
from soc_analyst.graph.context import Context
from soc_analyst.graph.desk.desk import data_of
from soc_analyst.graph.desk.grounds import ground_of
from soc_analyst.state.errors import OperatorError, SocAnalystError
from soc_analyst.state.report import Report
from soc_analyst.tools.records.folder import DataDir
from soc_analyst.tools.records.formats import Format, rendered
from soc_analyst.tools.records.logged import Entry, Wanted, read
from soc_analyst.tools.records.page.overview import as_overview

from .access import HEADERS, Access, OneLineError
from .pages import DOWNLOADS, CaseView, asset, case_view, listed, page
from .runs import Runs
from .saying import Step

__all__ = ["Address", "View", "serve"]

MOST_BYTES = 1_000_000
"""Of a request."""
LONGEST_QUESTION = 4_000
HEARTBEAT = 15.0
"""Seconds after which a quiet stream says that it is still there."""
SANDBOX = "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""For the report's own page, whose policy in the page is stricter still: an origin of its own, which sees nothing."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Address:
    """Where to listen; port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = 0


class View:
    """The view of one data folder."""

    def __init__(self, context: Context, access: Access, checkpoints: str | None = None) -> None:
        self.context, self.access = context, access
        self.data = data_of(context)
        self.runs = Runs(context, checkpoints)

    def application(self) -> web.Application:
        """Return the application, with every address."""
        app = web.Application(client_max_size=MOST_BYTES, middlewares=[_headed, _explained, self.access.middleware()])
        app.add_routes(
            [
                web.get("/", self.home),
                web.post("/ask", self.ask),
                web.get("/assets/{name}", self.asset),
                web.get("/findings", self.findings),
                web.get("/cases/{thread}", self.case),
                web.get("/cases/{thread}/events", self.events),
                web.get("/cases/{thread}/report", self.report),
                web.get("/cases/{thread}/report/{form}", self.download),
                web.post("/cases/{thread}/answer", self.answer),
                web.post("/cases/{thread}/follow", self.follow),
                web.post("/cases/{thread}/resume", self.resume),
                web.post("/cases/{thread}/stop", self.stop),
            ]
        )
        app.on_shutdown.append(self._close)
        return app

    async def _close(self, _app: web.Application) -> None:
        await self.runs.close()

    async def home(self, _request: web.Request) -> web.StreamResponse:
        """Show the form to ask with, and all investigations."""
        rows = await asyncio.to_thread(listed, self.data, self.runs)
        return _html(page("home", rows=rows, context=self.context))

    async def ask(self, request: web.Request) -> web.StreamResponse:
        """Start an investigation."""
        form = await request.post()
        run = self.runs.ask(_question(form.get("question")), approve=str(form.get("approve", "auto")))
        return _see(run.thread)

    async def case(self, request: web.Request) -> web.StreamResponse:
        """Show a case: at work, waiting for an answer, or finished."""
        return _html(page("case", case=await self._case(request)))

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """Ask further on a thread."""
        form, case = await request.post(), await self._case(request)
        question = _question(form.get("question"))
        self.runs.ask(question, approve=str(form.get("approve", "auto")), thread=case.thread)
        return _see(case.thread)

    async def resume(self, request: web.Request) -> web.StreamResponse:
        """Go on with a case that was left."""
        case = await self._case(request)
        self.runs.go_on(case.thread, case.question)
        return _see(case.thread)

    async def stop(self, request: web.Request) -> web.StreamResponse:
        """Let a running case come to its report."""
        case = await self._case(request)
        if case.run is not None:
            case.run.stop.set()
        return _see(case.thread)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Take a person's answer to the plan that waits."""
        form, case = await request.post(), await self._case(request)
        if case.plan is None:
            raise OneLineError("No plan of this case waits for an answer any more; look at it again.", 409)
        given = {name: str(value) for name, value in form.items()}
        self.runs.go_on(case.thread, case.question, _answer(given, case.plan.queries))
        return _see(case.thread)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Stream the steps of a case as server-sent events, from where the reader left off."""
        case = await self._case(request)
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream", **HEADERS})
        await stream.prepare(request)
        with suppress(ConnectionResetError):
            if case.run is not None:
                async for told in case.run.follow(_number(request), HEARTBEAT):
                    await stream.write(_sent(*told) if told is not None else b": still here\n\n")
            await stream.write(b"event: over\ndata: {}\n\n")
        return stream

    async def report(self, request: web.Request) -> web.StreamResponse:
        """Show the report as its page."""
        text = await asyncio.to_thread(rendered, await self._report(request), Format.html)
        return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": SANDBOX})

    async def findings(self, _request: web.Request) -> web.StreamResponse:
        """Show the findings of all investigations as their page."""
        text = await asyncio.to_thread(_overview, self.data)
        return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": SANDBOX})

    async def download(self, request: web.Request) -> web.StreamResponse:
        """Hand out the report in another format."""
        names = {form.value: form for form in DOWNLOADS}
        form = names.get(request.match_info["form"])
        if form is None:
            raise OneLineError("There is no such format.", 404)
        report = await self._report(request)
        text = await asyncio.to_thread(self._written, report, form)
        name = f"{report.thread_id}.{DOWNLOADS[form][1]}"
        return web.Response(
            text=text, content_type="text/plain", headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )

    def _written(self, report: Report, form: Format) -> str:
        ground = ground_of(report.thread_id, self.data) if form.asks_again else None
        return rendered(report, form, ground=ground)

    async def asset(self, request: web.Request) -> web.StreamResponse:
        """Hand out a file of the pages."""
        found = asset(request.match_info["name"])
        if found is None:
            raise OneLineError("There is no such file.", 404)
        return web.Response(text=found[0], content_type=found[1])

    async def _case(self, request: web.Request) -> CaseView:
        found = await asyncio.to_thread(case_view, request.match_info["thread"], self.data, self.runs)
        if found is None:
            raise OneLineError("There is no such investigation here.", 404)
        return found

    async def _report(self, request: web.Request) -> Report:
        case = await self._case(request)
        if case.report is None:
            raise OneLineError("This investigation has no report yet.", 404)
        return case.report


def _overview(data: DataDir) -> str:
    found = list(read(data.threats_log))
    findings = [one.finding for one in found if isinstance(one, Entry)]
    return as_overview(findings, Wanted(), skipped=len(found) - len(findings))


def _question(given: object) -> str:
    text = str(given or "").strip()
    if not text:
        raise OneLineError("The question is empty; ask one in plain words.", 400)
    if len(text) > LONGEST_QUESTION:
        raise OneLineError(f"The question is longer than {LONGEST_QUESTION:,} characters; ask a shorter one.", 400)
    return text


def _answer(form: Mapping[str, str], queries: Mapping[str, str]) -> dict[str, object]:
    """Return an answer in the form that a plan takes, bound to the plan that the page showed."""
    kind, digest = form.get("type", ""), form.get(HASH, "")
    if kind == "response":
        return {"type": kind, "args": form.get("words", "")}
    if kind == "ignore":
        return {"type": kind, "args": None}
    texts = {name: form.get(f"query-{name}", text).replace("\r\n", "\n") for name, text in queries.items()}
    if kind == "edit" and texts != dict(queries):
        return {"type": "edit", "args": {"args": {HASH: digest, **texts}}}
    return {"type": "accept", "args": {HASH: digest}}


def _number(request: web.Request) -> int:
    """Return how many steps the reader has seen."""
    given = request.headers.get("Last-Event-ID") or request.query.get("after", "0")
    return int(given) if given.isdecimal() else 0


def _sent(number: int, step: Step) -> bytes:
    return f"id: {number}\nevent: step\ndata: {json.dumps(step)}\n\n".encode()


def _see(thread: str) -> web.StreamResponse:
    return web.Response(status=303, headers={"Location": f"/cases/{quote(thread, safe='')}"})


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, content_type="text/html", status=status)


@web.middleware
async def _headed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give every answer its headers; a page may have a policy of its own."""
    answer = await handler(request)
    if not answer.prepared:
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
    return answer


@web.middleware
async def _explained(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what went wrong into a page of one line."""
    try:
        return await handler(request)
    except OneLineError as error:
        message, status = str(error), error.status
    except web.HTTPException as error:
        message, status = error.reason, error.status
    except SocAnalystError as error:
        message, status = str(error), 409 if isinstance(error, OperatorError) else 500
    except ValidationError as error:
        message, status = f"That cannot be: {error.errors()[0]['msg']}", 400
    return _html(page("trouble", message=message), status)


def _listening(address: Address) -> socket.socket:
    """Return a socket that is bound to an address."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((address.host, address.port))
    except OSError as error:
        bound.close()
        where = f"{address.host}:{address.port}"
        raise OperatorError(f"cannot be listened on: {error.strerror}; choose another --port", where=where) from error
    return bound


async def serve(
    context: Context, address: Address, ready: Callable[[str], None], *, checkpoints: str | None = None
) -> None:
    """Serve until cancelled; `ready` is told the address to open once it answers, `checkpoints` is that of `ahunt`.

    Raises OperatorError where the address cannot be had.
    """
    listening = _listening(address)
    host, port = listening.getsockname()[:2]
    access = Access(host, port)
    runner = web.AppRunner(View(context, access, checkpoints).application(), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.SockSite(runner, listening).start()
        ready(access.url)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
