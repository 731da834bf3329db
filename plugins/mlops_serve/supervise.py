"""The background process of one local deployment: ``python -m mlops_serve.supervise STATE NAME``.

It holds a lock for its life, binds the port once, keeps the workers, carries rollouts on, and drains when
the declaration says stopped or when it is asked to end. It is light: no library of numbers is loaded here.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import socket
import sys
import time
from pathlib import Path
from types import FrameType

from mlops.durable import remove_tree, try_lock
from mlops.errors import MlopsError
from mlops_serve.crew import Crew
from mlops_serve.declaration import Declaration, now
from mlops_serve.home import Home
from mlops_serve.rolling import Roller
from mlops_serve.settings import Settings

__all__ = ["main"]

_LOOK_S = 0.1
_HOPELESS = 5
"""Workers in a row that never served; there is no use in another one."""

_LOG = logging.getLogger("mlops.serve")


def main(words: list[str]) -> int:
    """Go into the background, and supervise until the end."""
    state, name = words
    home = Home(Path(state), name)
    if os.fork():
        os._exit(0)  # whoever started us need not wait for us
    os.setsid()
    os.chdir("/")
    logging.basicConfig(format="%(asctime)s supervisor %(process)d: %(message)s", level=logging.INFO)
    lock = try_lock(home.life)
    if lock is None:
        _LOG.info("there is a supervisor already")
        return 0
    with lock:
        try:
            return _supervise(home)
        except MlopsError as exc:
            home.tell({"pid": os.getpid(), "failed": exc.what, "where": exc.where, "fix": exc.fix})
            _LOG.exception("it cannot go on")
            return 1


def _supervise(home: Home) -> int:
    declaration = home.read()
    if declaration is None:
        raise MlopsError("there is no declaration", where=str(home.declared))
    remove_tree(home.metrics)
    home.metrics.mkdir()
    listening = _bound(declaration)
    crew = Crew(home, listening, workers=int(declaration.address["workers"]))
    host, port = listening.getsockname()[:2]
    supervisor = _Supervisor(home, crew, f"http://{f'[{host}]' if ':' in host else host}:{port}")
    try:
        supervisor.work()
    finally:
        crew.drain(seconds=Settings.from_json(dict(declaration.settings)).drain_seconds)
    home.tell({})
    _LOG.info("ended")
    return 0


def _bound(declaration: Declaration) -> socket.socket:
    host, port = str(declaration.address["host"]), int(declaration.address["port"])
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(2048)
    except OSError as exc:
        made.close()
        raise MlopsError(
            f"the port {port} of {host} cannot be taken: {exc.strerror}",
            where=f"deployment {declaration.name}",
            fix="choose another one (target.port=0 takes any that is free), or end what holds it: mlops status",
        ) from exc
    made.set_inheritable(True)
    return made


class _Supervisor:
    def __init__(self, home: Home, crew: Crew, url: str) -> None:
        self._home = home
        self._crew = crew
        self._url = url
        self._started = now()
        self._told: dict[str, object] = {}
        self._asked = False
        self._began = False
        self._blind = False
        self._last = home.read()
        self._roller = Roller(home)

    def work(self) -> None:
        """Look after everything until the end is asked for."""
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, self._ask)
        while not self._asked:
            self._crew.attend()
            self._tell()
            declaration = self._declared()
            if declaration is None or declaration.phase == "stopped":
                return
            if self._crew.is_ready:
                self._began = True
                self._roller.look(declaration)
            elif not self._began and self._crew.failures >= _HOPELESS:
                raise MlopsError(
                    "the workers end before they serve", where=str(self._home.log), fix="its last lines say why"
                )
            self._rest()

    def _declared(self) -> Declaration | None:
        """What is declared; what was before, while it cannot be read: serving goes on."""
        try:
            self._last = self._home.read()
        except (MlopsError, OSError):
            if not self._blind:
                _LOG.exception("the declaration cannot be read; what was declared before goes on")
            self._blind = True
        else:
            self._blind = False
        return self._last

    def _ask(self, _signal: int, _frame: FrameType | None) -> None:
        self._asked = True

    def _rest(self) -> None:
        """Wait until somebody says something, or for a moment."""
        with selectors.DefaultSelector() as selector:
            for item in self._crew.members:
                selector.register(item.line, selectors.EVENT_READ)
            selector.select(_LOOK_S)

    def _tell(self) -> None:
        crew = self._crew
        facts: dict[str, object] = {
            "pid": os.getpid(),
            "url": self._url,
            "started": self._started,
            "ready": crew.is_ready,
            "applied": crew.applied,
            "workers": [item.process.pid for item in crew.serving],
            "standing_by": [item.process.pid for item in crew.members if not item.told and item.applied >= 0],
            "restarts": crew.restarts,
            "refused": crew.refused,
        }
        if facts != self._told:
            self._told = facts
            self._home.tell({**facts, "time": time.time()})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
