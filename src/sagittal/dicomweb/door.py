"""The ASGI application under `/dicom-web`: finds the handler, sends its answer, says what went wrong."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from litestar.enums import ScopeType
from litestar.types import HTTPScope, Receive, Scope, Send

from sagittal.dicomweb.context import BASE_PATH, Context
from sagittal.dicomweb.exchange import Answer, ClientGone, Patience, Request
from sagittal.dicomweb.problems import problem, status_of
from sagittal.dicomweb.routes import find_route
from sagittal.errors import Exhausted, SagittalError
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.log import get_logger
from sagittal.runtime.memory import GivingBack

log = get_logger(__name__)

_WATCH_AFTER_S = 0.25  # a watcher for the client's going costs 20 us; most short answers are done before one is needed


class Door:
    """Serves DICOMweb for one archive. An ASGI application for HTTP; it knows nothing of lifespan or sockets."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._memory = GivingBack()
        self._running: set[asyncio.Task[Any]] = set()  # Any: what a request's task returns is nobody's business

    @property
    def running(self) -> int:
        """How many requests are being worked on."""
        return len(self._running)

    def cancel_all(self) -> None:
        """Cuts off every request that still runs; instances already acknowledged stay."""
        for task in self._running:
            task.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != ScopeType.HTTP:
            return
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("an ASGI application runs in a task")
        self._running.add(task)
        try:
            await self._exchange(scope, receive, send, task)
        finally:
            self._running.discard(task)
            self._memory.worked()

    async def _exchange(self, scope: HTTPScope, receive: Receive, send: Send, task: asyncio.Task[Any]) -> None:
        limits = self._context.limits
        deadline = Deadline.after(limits.request_timeout_s)
        patience = Patience(limits.idle_timeout_s, limits.min_rate_bytes_s)
        request = Request(scope, receive, base_path=BASE_PATH, deadline=deadline, patience=patience)
        watch = _GoneWatch(request, task) if request.method in ("GET", "HEAD") else None
        try:
            answer = await self._answer(request)
            if watch is not None and not isinstance(answer.body, bytes):
                watch.start()
            await _send(answer, request, send, limits.idle_timeout_s)
        except ClientGone:
            log.info("http client gone", request_id=request.id)
        except asyncio.CancelledError:
            if watch is None or not watch.is_gone:
                raise
            task.uncancel()
            log.info("http client gone", request_id=request.id)
        finally:
            if watch is not None:
                watch.stop()

    async def _answer(self, request: Request) -> Answer:
        try:
            handler, names = find_route(request.method, request.path)
            return await handler(self._context, request, names)
        except (SagittalError, TimeoutError) as error:
            told = error if isinstance(error, SagittalError) else Exhausted("out of time")
            if status_of(told).code >= 500:
                log.warning("http request failed", request_id=request.id, kind=type(told).__name__, detail=str(told))
            return problem(told, request.id)
        except ClientGone:
            raise
        except Exception as error:  # the border of a request: what nobody expected is logged, not told
            log.error("http request broke", request_id=request.id, exc_info=error)
            return problem(error, request.id)


class _GoneWatch:
    """Cancels the task of a request whose client has closed the connection."""

    def __init__(self, request: Request, task: asyncio.Task[Any]) -> None:
        self.is_gone = False
        self._request = request
        self._task = task
        self._watcher: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(_WATCH_AFTER_S, self.start)

    def stop(self) -> None:
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()

    def start(self) -> None:
        """Watches from now on: a long answer would be read to its end within the wait, and sent to nobody."""
        self._timer.cancel()
        if self._watcher is None:
            self._watcher = asyncio.ensure_future(self._watch())

    async def _watch(self) -> None:
        await self._request.until_gone()
        self.is_gone = True
        self._task.cancel()


async def _send(answer: Answer, request: Request, send: Send, idle_timeout_s: float) -> None:
    headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in answer.headers]
    headers.append((b"x-request-id", request.id.encode("ascii")))
    length = len(answer.body) if isinstance(answer.body, bytes) else answer.length
    if length is not None and answer.status not in (204, 304):
        headers.append((b"content-length", str(length).encode("ascii")))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if isinstance(answer.body, bytes):
        body = b"" if request.method == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body, "more_body": False})
    elif request.method == "HEAD":
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    else:
        await _stream(answer.body, request, send, idle_timeout_s)


async def _stream(body: AsyncGenerator[bytes, None], request: Request, send: Send, idle_timeout_s: float) -> None:
    """Sends the pieces, each when the client has taken those before it.

    After an error in the middle the final message is not sent: the server then breaks the connection off, and the
    client sees that something is missing.
    """
    try:
        async with aclosing(body):
            async for piece in body:
                async with asyncio.timeout(idle_timeout_s):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    except (SagittalError, TimeoutError) as error:
        log.warning("http answer cut off", request_id=request.id, kind=type(error).__name__, detail=str(error))
    except Exception as error:  # the border of a request: the status is on its way already, only the log can tell
        log.error("http answer broke", request_id=request.id, exc_info=error)
