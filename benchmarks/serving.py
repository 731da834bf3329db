"""Requests over HTTP, one row each, beside a BentoML service by hand over a scikit-learn pipeline of the same model.

The churn recipe's bundle on the target local with one worker, every prediction logged, and a service as BentoML's
documentation shows it, with one worker, around encoders and a logistic regression fitted on the same table. One
client program asks either, with 1 and 16 connections. What the request log costs is measured in one process.

python benchmarks/serving.py
python benchmarks/serving.py --seconds 10 --repeats 5
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from benchmarks.measuring import Cost, command, function, interleaved, output, program, threads
from benchmarks.projects import temporary
from benchmarks.reporting import Aim, Report, Row, asked, milliseconds, present
from mlops.formats import Bundle

_SIDES = str(Path(__file__).with_name("serving_sides.py"))
_TABLE = Path(__file__).resolve().parent.parent / "recipes" / "data" / "telco_churn.parquet"
_CLIENTS = (1, 16)
_LIMIT = 0.5
_IN_PROCESS = 3000
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class _Side:
    """A server, what it is sent, and what its clients met."""

    url: str
    body: Path
    pids: Callable[[], list[int]]
    seconds: float
    met: dict[int, list[dict[str, Any]]] = field(default_factory=dict)

    def ask(self, clients: int) -> Cost:
        """Ask for a while; wall and cpu (of the server) are of one request."""
        before = _ticks(self.pids())
        words = [sys.executable, _SIDES, "ask", self.url, str(self.body), str(clients), str(self.seconds)]
        _, said = output(words, folder=self.body.parent, env=threads(1))
        found = json.loads(said.strip().splitlines()[-1])
        if found["failed"]:
            raise RuntimeError(f"{found['failed']} of {found['requests']} requests to {self.url} failed")
        self.met.setdefault(clients, []).append(found)
        spent = (_ticks(self.pids()) - before) / _TICKS
        return Cost(found["seconds"] / found["requests"], spent / found["requests"])

    def said(self, clients: int) -> str:
        """Requests a second and the tail, as medians of all rounds."""
        found = self.met[clients]
        pace = sorted(item["requests"] / item["seconds"] for item in found)[len(found) // 2]
        middle, tail = (sorted(item[key] for item in found)[len(found) // 2] for key in ("p50", "p99"))
        return f"{pace:,.0f} requests/s, p50 {milliseconds(middle)}, p99 {milliseconds(tail)}"


def main() -> None:
    """Measure and print."""
    given = asked(__doc__, repeats=3, more=_arguments)
    with temporary() as folder:
        bundle = _bundle(folder)
        logging = _logging(bundle, folder)
        with _ours(bundle, folder, given.seconds) as ours, _theirs(bundle, folder, given.seconds) as theirs:
            report = _measured(ours, theirs, repeats=given.repeats)
        present(Report("serving", (*report.rows, logging), report.aims, report.notes), as_json=given.json)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=4, help="how long each round asks (default 4)")


def _measured(ours: _Side, theirs: _Side, *, repeats: int) -> Report:
    rows, aims, notes = [], [], []
    for clients in _CLIENTS:
        cases = {"ours": lambda count=clients: ours.ask(count), "theirs": lambda count=clients: theirs.ask(count)}
        found = interleaved(cases, repeats=repeats)
        name = f"a request, {clients} {'connection' if clients == 1 else 'connections'}"
        rows.append(Row(name, found["ours"], "BentoML and scikit-learn", found["theirs"]))
        aims.append(Aim(f"{name}: ours / BentoML", rows[-1].ratio or 0, _LIMIT, "×"))
        notes.append(f"{name}: {ours.said(clients)}; BentoML {theirs.said(clients)}")
    return Report("serving", tuple(rows), tuple(aims), tuple(notes))


def _bundle(folder: Path) -> Path:
    project = folder / "project"
    (project / "recipes").mkdir(parents=True)
    command([program("mlops"), "run", "recipe=churn", "--to", "bundle"], folder=project, env=threads(1))
    _, said = output([program("mlops"), "runs", "show", "last", "--json"], folder=project)
    steps = json.loads(said)["steps"]
    digest = str(next(step["outputs"]["bundle"]["digest"] for step in steps if step["stage"] == "bundle"))
    return project / ".mlops" / "store" / "artifacts" / digest[:2] / digest


@contextmanager
def _ours(bundle: Path, folder: Path, seconds: float) -> Iterator[_Side]:
    project = folder / "project"
    words = [f"bundle={bundle}", "deployment=churn", "target.port=0"]
    _, said = output([program("mlops"), "deploy", *words, "--json"], folder=project)
    deployed = json.loads(said)
    body = folder / "ours.json"
    body.write_text(json.dumps(Bundle(bundle).signature["example"]), encoding="utf-8")
    try:
        yield _Side(f"{deployed['url']}/predict", body, lambda: list(deployed["facts"]["workers"]), seconds)
    finally:
        command([program("mlops"), "stop", "churn"], folder=project)


@contextmanager
def _theirs(bundle: Path, folder: Path, seconds: float) -> Iterator[_Side]:
    place = folder / "bento"
    place.mkdir()
    command([sys.executable, "-W", "ignore", _SIDES, "fit", str(_TABLE), str(place)], folder=place, env=threads(1))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet = {"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(folder / "home"), **threads(1)}
    words = [program("bentoml"), "serve", "service:Churn", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "bento.log").open("wb") as log:
        server = subprocess.Popen(
            words, cwd=place, env={**os.environ, **quiet}, stdout=log, stderr=log, start_new_session=True
        )
    body = folder / "theirs.json"
    body.write_text(json.dumps({"row": Bundle(bundle).signature["example"]}), encoding="utf-8")
    try:
        _await(f"http://127.0.0.1:{port}/readyz", server)
        yield _Side(f"http://127.0.0.1:{port}/predict", body, lambda: _family(server.pid), seconds)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def _await(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        try:
            with urlopen(url, timeout=1):  # noqa: S310 - our own server's
                return
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.1)
    raise RuntimeError("bentoml serve does not get ready")


def _family(parent: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            above = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has just ended
            continue
        children.setdefault(above, []).append(int(path.parent.name))
    found = [parent]
    for pid in found:
        found += children.get(pid, [])
    return found


def _ticks(pids: list[int]) -> int:
    total = 0
    for pid in pids:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(words[11]) + int(words[12])
    return total


def _logging(bundle: Path, folder: Path) -> Row:
    """One request through the application in this process, with a log and without."""
    from mlops_serve.app import make_app

    body = json.dumps(Bundle(bundle).signature["example"]).encode()
    apps = {"logged": make_app(bundle, log=folder / "log"), "unlogged": make_app(bundle)}
    cases = {name: lambda app=app: _each(app, body) for name, app in apps.items()}
    found = interleaved(cases, repeats=5)
    for app in apps.values():
        app.close()
    return Row("a request in this process, logged", found["logged"], "not logged", found["unlogged"])


def _each(app: Any, body: bytes) -> Cost:
    cost = function(lambda: asyncio.run(_requests(app, body)))
    return Cost(cost.wall / _IN_PROCESS, cost.cpu / _IN_PROCESS)


async def _requests(app: Any, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": headers}

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(_message: MutableMapping[str, Any]) -> None:
        pass

    for _ in range(_IN_PROCESS):
        await app(scope, receive, send)


if __name__ == "__main__":
    main()
