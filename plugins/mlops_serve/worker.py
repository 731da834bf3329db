"""One worker process: it loads the deployment's versions, waits for its turn, serves, and drains when asked to.

Started by the supervisor with a listening socket and a line to it. It says ``applied``, ``refused``, ``serving``
and ``draining``; it is told ``serve`` and ``drain``. The end of the line, or of its parent, ends it as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import json
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from mlops_serve.app import App
from mlops_serve.fleet import Fleet, follow
from mlops_serve.home import Home
from mlops_serve.protocol import Connections
from mlops_serve.settings import Settings

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1
_LEAVE_S = 0.5


def end_with_parent(parent: int, sign: int = signal.SIGTERM) -> None:
    """Have the kernel send a signal when the parent is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, sign)
    if os.getppid() != parent:
        raise SystemExit(1)


def main(words: list[str]) -> int:
    """Work until the end: STATE NAME PARENT LISTENING LINE."""
    state, name, parent, listening, line = words
    end_with_parent(int(parent))
    logging.basicConfig(format="%(asctime)s worker %(process)d: %(message)s", level=logging.WARNING)
    worker = _Worker(Home(Path(state), name), socket.socket(fileno=int(listening)), socket.socket(fileno=int(line)))
    import uvloop

    return int(uvloop.run(worker.work()))


class _Worker:
    def __init__(self, home: Home, listening: socket.socket, line: socket.socket) -> None:
        self._home = home
        self._listening = listening
        self._line = line
        self._told: dict[str, asyncio.Event] = {}
        self._loop: asyncio.AbstractEventLoop
        self._applied = False

    async def work(self) -> int:
        """Do everything, in order."""
        declaration = self._home.read()
        if declaration is None:
            return 1
        settings = Settings.from_json(dict(declaration.settings))
        self._told = {word: asyncio.Event() for word in ("serve", "drain", "first")}
        loop = self._loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, self._told["drain"].set)
        self._line.setblocking(False)
        self._listening.setblocking(False)
        loop.add_reader(self._line, self._hear)
        fleet = Fleet(declaration.name)
        metrics = self._home.metrics / f"{os.getpid()}.json"
        app = App(fleet, settings, log=self._home.folder, metrics=metrics)
        tasks = [
            asyncio.create_task(follow(fleet, self._home, self._report, threads=settings.threads)),
            asyncio.create_task(_keep_counts(app)),
        ]
        try:
            return await self._serve(app, settings)
        finally:
            for task in tasks:
                task.cancel()
            app.close()

    async def _serve(self, app: App, settings: Settings) -> int:
        if await self._first("first") != "first":
            return 0
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        if await self._first("serve") != "serve":
            return 0
        connections = Connections(app, settings.limits)
        connections.listen(self._listening)
        self._say({"serving": True})
        await self._told["drain"].wait()
        self._say({"draining": True})
        await connections.drain(self._listening, seconds=settings.drain_seconds)
        return 0

    async def _first(self, word: str) -> str:
        """Wait for a word, or for the end."""
        waiting = {name: asyncio.create_task(self._told[name].wait()) for name in (word, "drain")}
        done, rest = await asyncio.wait(waiting.values(), return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        return word if waiting[word] in done else "drain"

    def _report(self, revision: int, why: str) -> None:
        """Called in the thread that loads."""
        if why:
            self._say({"refused": revision, "why": why})
            return
        self._say({"applied": revision})
        if not self._applied:
            self._applied = True
            self._loop.call_soon_threadsafe(self._told["first"].set)

    def _say(self, facts: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            self._line.send(json.dumps(facts).encode() + b"\n")

    def _hear(self) -> None:
        try:
            said = self._line.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        if not said:
            asyncio.get_running_loop().remove_reader(self._line)
            self._told["drain"].set()
        for word in said.decode().split():
            if word in self._told:
                self._told[word].set()


async def _keep_counts(app: App) -> None:
    while True:
        await asyncio.sleep(_LEAVE_S)
        app.leave_counts()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
