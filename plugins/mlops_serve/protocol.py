"""HTTP/1.1 connections: uvicorn's protocol, with limits of time and number, and a drain that drops nothing."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from email.utils import formatdate
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from mlops_serve.app import App
from mlops_serve.settings import Limits

__all__ = ["Connections"]

_FULL_S = 0.05
_IDLE_S = 1.0
"""How long a client that has just been answered may take to ask again while the server ends."""


class _Connection(HttpToolsProtocol):
    """One client."""

    def __init__(self, owner: Connections) -> None:
        super().__init__(owner.config, owner.state, {}, owner.loop)
        self._owner = owner
        self._head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        super().connection_made(transport)
        self._await_head()

    def _await_head(self) -> None:
        self._head = self.loop.call_later(self._owner.limits.client_seconds, self._too_slow)

    def _too_slow(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._head is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None
        super().connection_lost(exc)

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way, as far as one can know."""
        return (self.cycle is None or self.cycle.response_complete) and self._head is None


class Connections:
    """All clients of one worker."""

    def __init__(self, app: App, limits: Limits) -> None:
        self.app = app
        self.limits = limits
        self.loop = asyncio.get_running_loop()
        self.state = ServerState()
        self.config = Config(app, lifespan="off", access_log=False, log_config=None, ws="none", timeout_keep_alive=75)
        self.config.load()
        self._opening: set[asyncio.Task[Any]] = set()

    def listen(self, sock: socket.socket) -> None:
        """Take connections from a socket that listens; its other holders get their share."""
        self._tick()
        self.loop.add_reader(sock, self._accept, sock)

    def _accept(self, sock: socket.socket) -> None:
        """Take the next connection; above the limit it waits in the system's line."""
        if len(self.state.connections) + len(self._opening) >= self.limits.connections:
            self.loop.remove_reader(sock)
            self.loop.call_later(_FULL_S, self._accept_again, sock)
            return
        with suppress(OSError):  # another worker was quicker, or the client has left
            self._open(sock.accept()[0])

    def _accept_again(self, sock: socket.socket) -> None:
        if not self.app.fleet.draining:
            self.loop.add_reader(sock, self._accept, sock)

    def _open(self, taken: socket.socket) -> None:
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = self.loop.create_task(self.loop.connect_accepted_socket(lambda: _Connection(self), taken))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def _tick(self) -> None:
        self.state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        self.loop.call_later(1.0, self._tick)

    async def drain(self, sock: socket.socket, *, seconds: float) -> None:
        """Take no more connections, answer every request that has arrived, and let clients go.

        Answers say ``Connection: close`` from now on; a client that is silent for a second is let go.
        """
        self.app.fleet.draining = True
        self._accept_rest(sock)
        sock.close()
        end = self.loop.time() + seconds
        quiet = self.loop.time() + _IDLE_S
        while (self.state.connections or self._opening) and self.loop.time() < end:
            if self.loop.time() >= quiet:
                self._close_idle()
            await asyncio.sleep(0.02)

    def _accept_rest(self, sock: socket.socket) -> None:
        """Take what already stands in the line; closing the socket would cut it off."""
        self.loop.remove_reader(sock)
        while True:
            try:
                self._open(sock.accept()[0])
            except OSError:
                return

    def _close_idle(self) -> None:
        for connection in list(self.state.connections):
            if isinstance(connection, _Connection) and connection.is_idle:
                connection.transport.close()
