"""The ASGI application: routes, the key, limits, and the way from a request to its answer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from mlops.services.target import Served
from mlops_serve.describing import Describer
from mlops_serve.fleet import Fleet
from mlops_serve.keys import fits, given_key
from mlops_serve.loaded import load_folder
from mlops_serve.meter import Meter, prometheus, read_counts
from mlops_serve.predicting import Asked, Predictor
from mlops_serve.questions import Refused, encode, labels_of, parsed, rows_of
from mlops_serve.request_log import Segments
from mlops_serve.settings import Settings

__all__ = ["App", "make_app"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Handler = Callable[[Scope, Receive], Awaitable[tuple[bytes, bytes]]]
"""Gives the body and its type."""

_JSON = b"application/json"
_HTML = b"text/html; charset=utf-8"
_POLICY = b"default-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; frame-ancestors 'none'"
_MIB = 1 << 20
_LINGER_S = 2.0
"""How long the rest of a refused body is taken in, so that the client reads the refusal before the line is cut."""

_LATER = ((b"retry-after", b"1"),)
_OPEN = frozenset({"/livez", "/readyz"})
_LOG = logging.getLogger("mlops.serve")


class _Answer(NamedTuple):
    """What goes back."""

    status: int
    body: bytes
    kind: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    close: bool = False


def make_app(
    bundle: Path,
    *,
    model: str = "model",
    version: int = 1,
    settings: Settings | None = None,
    log: Path | None = None,
) -> App:
    """Make the application of one bundle, for any ASGI server.

    Args:
        bundle: folder of the bundle; whoever has it from elsewhere proves it whole before.
        model: name to tell.
        version: number to tell, and to log.
        settings: limits, the key's digest and the like.
        log: folder that gets ``requests/`` and ``feedback/``; without one, nothing is logged.
    """
    settings = settings or Settings()
    served = Served(model=model, version=version, digest="", bundle=str(bundle))
    return App(Fleet.of_one(load_folder(bundle, served, threads=settings.threads), model), settings, log=log)


class App:
    """One worker's application; for one event loop."""

    def __init__(
        self, fleet: Fleet, settings: Settings, *, log: Path | None = None, metrics: Path | None = None
    ) -> None:
        self.fleet = fleet
        self.meter = Meter()
        self._settings = settings
        self._metrics = metrics
        self._requests = _segments(log, "requests", settings)
        self._feedback = _segments(log, "feedback", settings)
        self._predictor = Predictor(fleet, settings, self.meter, self._requests)
        self._describe = Describer(fleet, settings.extra_columns)
        self._largest = int(settings.limits.body_mib * _MIB)
        self._waiting = 0
        self._pace = 0.0
        self._routes: dict[str, tuple[str, Handler]] = {
            "/predict": ("POST", self._predict),
            "/feedback": ("POST", self._take_labels),
            "/schema": ("GET", self._described(self._describe.schema)),
            "/version": ("GET", self._described(self._describe.version)),
            "/openapi.json": ("GET", self._described(self._describe.openapi)),
            "/docs": ("GET", self._docs),
            "/metrics": ("GET", self._tell_metrics),
            "/livez": ("GET", self._live),
            "/readyz": ("GET", self._ready),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await _decline(scope, receive, send)
            return
        began = time.perf_counter()
        path = scope["path"].removeprefix(scope.get("root_path", "")) or "/"
        answer = await self._answer(path, scope, receive)
        route = path[1:] if path in self._routes else "other"
        self.meter.add("mlops_requests_total", f'route="{route}",status="{answer.status}"')
        self.meter.time("mlops_request_seconds", f'route="{route}"', time.perf_counter() - began)
        await self._send(answer, send, receive)

    async def _answer(self, path: str, scope: Scope, receive: Receive) -> _Answer:
        try:
            return _Answer(200, *await self._handler(path, scope)(scope, receive))
        except Refused as exc:
            return _Answer(exc.status, exc.body(), _JSON, exc.headers, exc.close)
        except Exception:  # noqa: BLE001 - the last one who can answer; the log has it
            _LOG.exception("a request to %s failed", path)
            return _Answer(500, Refused(500, "the server failed; its log says more").body(), _JSON)

    async def _send(self, answer: _Answer, send: Send, receive: Receive) -> None:
        body = answer.body
        headers = [(b"content-type", answer.kind), (b"content-length", b"%d" % len(body)), *answer.headers]
        if answer.close or self.fleet.draining:
            headers.append((b"connection", b"close"))
        if answer.kind == _HTML:
            headers.append((b"content-security-policy", _POLICY))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if answer.close:
            await send({"type": "http.response.body", "body": body, "more_body": True})
            await _linger(receive)
            body = b""
        await send({"type": "http.response.body", "body": body})

    def _handler(self, path: str, scope: Scope) -> Handler:
        """Choose the handler; the key comes before everything but the two probes."""
        if self._settings.key and path not in _OPEN and not fits(given_key(scope["headers"]), self._settings.key):
            raise Refused(
                401,
                "the API key is missing or wrong",
                "send the header X-API-Key, or Authorization: Bearer",
                headers=((b"www-authenticate", b"Bearer"),),
                close=_has_body(scope),
            )
        found = self._routes.get(path)
        if found is None:
            raise Refused(404, f"there is no {path}", f"there are {', '.join(self._routes)}", close=_has_body(scope))
        method, handler = found
        if scope["method"] != method and (method != "GET" or scope["method"] != "HEAD"):
            allowed = b"GET, HEAD" if method == "GET" else method.encode()
            raise Refused(405, f"{path} takes {method} only", headers=((b"allow", allowed),), close=_has_body(scope))
        return handler

    async def _predict(self, scope: Scope, receive: Receive) -> tuple[bytes, bytes]:
        self._refuse_overload()
        body = await self._body(scope, receive)
        self._refuse_overload()
        self._waiting += 1
        try:
            # Those that arrived together count themselves before the first of them is answered.
            await asyncio.sleep(0)
            began = time.perf_counter()
            rows, alone = rows_of(parsed(body), most=self._settings.limits.rows)
            made = await self._predictor.answer(Asked(rows, alone, body, _route_key(scope)))
            self._pace += 0.1 * (time.perf_counter() - began - self._pace)
        finally:
            self._waiting -= 1
        return made, _JSON

    def _refuse_overload(self) -> None:
        limits = self._settings.limits
        if self._waiting >= limits.waiting or self._waiting * self._pace > limits.wait_seconds:
            self.meter.add("mlops_refused_total")
            raise Refused(503, "too many requests are waiting", "try again in a second", headers=_LATER)

    async def _take_labels(self, scope: Scope, receive: Receive) -> tuple[bytes, bytes]:
        value = parsed(await self._body(scope, receive))
        routes = self.fleet.routes
        if routes is None:
            raise Refused(503, "no version is loaded yet", headers=_LATER)
        found = labels_of(value, routes.leading.signature["classes"], most=self._settings.limits.rows)
        now = f"{time.time():.6f}"
        lines = [f'{{"id":{encode(name)},"time":{now},"label":{encode(label)}}}\n' for name, label in found]
        if self._feedback is None:
            raise Refused(501, "this server keeps no labels", "deploy it with a log")
        try:
            self._feedback.append("".join(lines).encode())
        except OSError as exc:
            self.meter.add("mlops_log_errors_total")
            raise Refused(503, f"labels cannot be logged: {exc.strerror}", headers=((b"retry-after", b"5"),)) from exc
        self.meter.add("mlops_labels_total", value=len(found))
        return encode({"accepted": len(found)}).encode(), _JSON

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """Read the body, within its limits of size and time."""
        size, kind = -1, b""
        for name, value in scope["headers"]:
            if name == b"content-length":
                size = int(value) if value.isdigit() else -1
            elif name == b"content-type":
                kind = value
        if size > self._largest:
            raise self._too_large()
        if kind.partition(b";")[0].strip().lower() != _JSON:
            fix = "send Content-Type: application/json"
            raise Refused(415, "the body is not said to be JSON", fix, close=size != 0)
        try:
            async with asyncio.timeout(self._settings.limits.client_seconds):
                return await self._received(receive)
        except TimeoutError as exc:
            raise Refused(408, "the request took too long to arrive", close=True) from exc

    async def _received(self, receive: Receive) -> bytes:
        message = await receive()
        body: bytes = message.get("body", b"")
        chunks, total = [body], len(body)
        while message.get("more_body", False) and total <= self._largest:
            message = await receive()
            chunks.append(message.get("body", b""))
            total += len(chunks[-1])
        if total > self._largest:
            raise self._too_large()
        if message["type"] == "http.disconnect":
            raise Refused(400, "the client left")
        return b"".join(chunks) if len(chunks) > 1 else body

    def _too_large(self) -> Refused:
        limit = f"{self._settings.limits.body_mib:g} MiB"
        return Refused(413, f"the body is larger than {limit}", "send fewer rows at a time", close=True)

    @staticmethod
    def _described(describe: Callable[[], Any]) -> Handler:
        async def handler(_scope: Scope, _receive: Receive) -> tuple[bytes, bytes]:
            return encode(describe()).encode(), _JSON

        return handler

    async def _docs(self, _scope: Scope, _receive: Receive) -> tuple[bytes, bytes]:
        return self._describe.page().encode(), _HTML

    async def _live(self, _scope: Scope, _receive: Receive) -> tuple[bytes, bytes]:
        return b'{"status":"alive"}', _JSON

    async def _ready(self, _scope: Scope, _receive: Receive) -> tuple[bytes, bytes]:
        why = ""
        if self.fleet.routes is None:
            why = "no version is loaded yet"
        elif self.fleet.draining:
            why = "it is ending"
        elif self._settings.log == "required" and self._requests is not None and self._requests.is_broken:
            why = "predictions cannot be logged"
        if why:
            raise Refused(503, why, headers=_LATER)
        return b'{"status":"ready"}', _JSON

    async def _tell_metrics(self, _scope: Scope, _receive: Receive) -> tuple[bytes, bytes]:
        self.leave_counts()
        sums = self.meter.sums() if self._metrics is None else read_counts(self._metrics.parent)
        return prometheus(sums, self._describe.gauges()).encode(), b"text/plain; version=0.0.4; charset=utf-8"

    def leave_counts(self) -> None:
        """Put this worker's counts where the others and the supervisor find them."""
        if self._metrics is not None:
            self.meter.leave(self._metrics)

    def close(self) -> None:
        """End: shadows are asked to the end, logs are synced."""
        self._predictor.close()
        for log in (self._requests, self._feedback):
            if log is not None:
                log.close()
        self.leave_counts()


def _segments(log: Path | None, name: str, settings: Settings) -> Segments | None:
    if log is None:
        return None
    return Segments(log / name, largest=int(settings.segment_mib * _MIB), sync_seconds=settings.sync_seconds)


def _route_key(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-route-key":
            return str(value.decode("latin-1"))
    return ""


def _has_body(scope: Scope) -> bool:
    """Whether a body may be under way that nobody will read."""
    headers = scope["headers"]
    return any(name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in headers)


async def _linger(receive: Receive) -> None:
    """Take in what a client still sends, for a while."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return


async def _decline(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer the server's own events; there are no other kinds of connection."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1000})
        return
    while scope["type"] == "lifespan":
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
