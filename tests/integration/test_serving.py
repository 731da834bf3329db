"""A real server on this machine: versions, processes and requests while something happens to them."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mlops.errors import ProjectError
from mlops.services.audit import AuditLog
from mlops.services.pins import pinned
from mlops.services.registry import ModelVersion
from mlops.services.target import Deployed, Strategy, remembered
from mlops.services.traffic import Traffic
from mlops.stage import Place
from mlops_serve.local import Local
from mlops_serve.settings import Limits
from mlops_serve.strategies import Abort, Canary, Direct, Shadow
from tests.serving import ROW, Client, load, make_version, seal, until

NAME = "toy"
SLOW = pytest.mark.slow
QUICK = Canary(steps=(0.2, 1.0), bake="1s", min_requests=30, abort=Abort(latency=None))


@dataclass
class Server:
    """A deployment and the versions that it may have."""

    place: Place
    target: Local

    def version(self, number: int, **given: Any) -> ModelVersion:
        folder = self.place.root / f"version{number}"
        return make_version(folder, number, **{"factor": 2.0 + number / 1000, **given})

    def release(self, number: int, strategy: Strategy | None = None, **given: Any) -> Deployed:
        return self.target.release(NAME, self.version(number, **given), strategy or Direct(), self.place)

    @property
    def status(self) -> Deployed:
        return self.target.status(NAME, self.place)

    @property
    def workers(self) -> list[int]:
        return list(self.status.facts.get("workers", []))

    @property
    def logged(self) -> list[str]:
        return [line["id"] for line in Traffic.of(NAME, self.place).predictions() if not line["shadow"]]

    def settled(self) -> Deployed:
        """Wait until no rollout is at work."""
        found: Deployed = until(lambda: (now := self.status).phase != "rolling" and now)
        return found


def await_end_of(server: Server, pid: int) -> None:
    """Wait until a worker serves no more."""
    until(lambda: pid not in server.workers)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(Place(tmp_path, tmp_path / ".mlops"), Local(port=0))
    yield made
    for name in made.target.deployments(made.place):
        made.target.stop(name, made.place)


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    made = Client(server.release(1).url)
    yield made
    made.close()


def test_it_serves_until_it_is_stopped(server: Server, client: Client) -> None:
    assert client.predict()["version"] == 1
    assert client.ask("GET", "/version")[1]["served"][0]["share"] == 1.0
    assert server.target.stop(NAME, server.place).phase == "stopped"
    with (
        pytest.raises(OSError, match="refused"),
        socket.create_connection(("127.0.0.1", urlsplit(client.url).port or 0)),
    ):
        pass


@SLOW
def test_it_listens_on_loopback_alone(server: Server, client: Client) -> None:
    port = f"{urlsplit(client.url).port:04X}"
    lines = [
        line.split() for file in ("tcp", "tcp6") for line in Path(f"/proc/net/{file}").read_text().splitlines()[1:]
    ]
    assert {line[1] for line in lines if line[1].endswith(f":{port}") and line[3] == "0A"} == {f"0100007F:{port}"}


def test_a_port_in_use_is_named(server: Server) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        held = Local(port=port)
        with pytest.raises(ProjectError, match=f"(?s)port {port} of 127.0.0.1.*target.port=0"):
            held.release(NAME, server.version(1), Direct(), server.place)
    assert held.deployments(server.place) == ()
    assert remembered(server.place) == {}
    assert pinned(server.place.state) == {}
    assert held.release(NAME, server.version(2), Direct(), server.place).url.endswith(f":{port}")


def test_a_version_with_other_columns_is_refused(server: Server, client: Client) -> None:
    with pytest.raises(ProjectError, match="does not take 'x', it needs 'z'"):
        server.release(2, QUICK, column="z")
    assert client.predict()["version"] == 1
    assert server.status.phase == "steady"


@SLOW
def test_a_version_with_other_columns_may_take_over_when_that_is_meant(server: Server, client: Client) -> None:
    server.release(2, Direct(other_signature=True), column="z")
    assert client.ask("POST", "/predict", {"z": 1, "colour": "red"})[1]["version"] == 2


def test_a_bundle_whose_graph_cannot_be_loaded_is_refused(server: Server, client: Client) -> None:
    bad = server.version(2)
    (bad.folder / "model.onnx").write_bytes(b"no graph")
    bad = ModelVersion(bad.model, 2, seal(bad.folder), bad.folder, created="")
    with pytest.raises(ProjectError, match=r"(?s)version 2 of toy cannot be deployed.*cannot load the graph"):
        server.target.release(NAME, bad, Direct(), server.place)
    assert client.predict()["version"] == 1


def test_a_supervisor_that_is_gone_is_said_to_be(server: Server, client: Client) -> None:
    facts = server.status.facts
    os.kill(facts["pid"], signal.SIGKILL)
    found: Deployed = until(lambda: (now := server.status).phase == "failed" and now)
    assert "it is not running" in found.note
    assert "mlops deploy toy" in found.note
    for pid in (*facts["workers"], *facts.get("standing_by", ())):
        gone = Path(f"/proc/{pid}")
        until(lambda gone=gone: not gone.exists())  # type: ignore[misc] # mypy cannot tell a default of a lambda
    assert server.target.resume(NAME, server.place).phase == "steady"


@SLOW
def test_a_key_stays_when_a_deployment_is_started_again(server: Server) -> None:
    key = "a-key-that-nobody-guesses"
    keyed = Local(port=0, api_key=key)
    keyed.release(NAME, server.version(1), Direct(), server.place)
    server.target.stop(NAME, server.place)
    url = Local().resume(NAME, server.place).url
    with closing(Client(url)) as stranger, closing(Client(url, {"X-API-Key": key})) as friend:
        assert stranger.ask("POST", "/predict", ROW)[0] == 401
        assert friend.ask("POST", "/predict", ROW)[0] == 200
    kept = [path for path in server.place.state.rglob("*") if path.is_file() and key.encode() in path.read_bytes()]
    assert kept == []


@SLOW
def test_other_keys_of_the_target_take_effect(server: Server, client: Client) -> None:
    strict = Local(port=0, limits=Limits(rows=1))
    found = strict.release(NAME, server.version(2), Direct(), server.place)
    with closing(Client(found.url)) as asking:
        assert asking.ask("POST", "/predict", {"rows": [ROW, ROW]})[0] == 413


def test_a_body_of_300_mb_is_refused_before_it_is_sent(server: Server, client: Client) -> None:
    place = urlsplit(client.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=10)
    connection.putrequest("POST", "/predict")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(300_000_000))
    connection.endheaders()
    connection.send(b"{" * 100_000)
    answer = connection.getresponse()
    assert answer.status == 413
    connection.close()
    assert client.predict()["version"] == 1


@SLOW
def test_a_client_that_never_ends_its_head_is_let_go(server: Server) -> None:
    quick = Local(port=0, limits=Limits(client_seconds=0.3))
    place = urlsplit(quick.release(NAME, server.version(1), Direct(), server.place).url)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=10) as slow:
        slow.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\n")
        assert slow.recv(100) == b""


@SLOW
def test_metrics_are_those_of_all_workers(server: Server) -> None:
    two = Local(port=0, workers=2)
    url = two.release(NAME, server.version(1), Direct(), server.place).url
    for _ in range(20):
        with closing(Client(url)) as asking:
            asking.predict()
    with closing(Client(url)) as asking:
        wanted = 'mlops_requests_total{route="predict",status="200"} 20'
        assert until(lambda: wanted in asking.ask("GET", "/metrics")[1])


def test_a_canary_takes_over_step_by_step(server: Server, client: Client) -> None:
    with load(client.url) as found:
        assert server.release(2, QUICK).phase == "rolling"
        done = server.settled()
    assert (done.phase, [item.version for item in done.served]) == ("steady", [2])
    assert not found.broken
    assert set(found.statuses) == {200}
    why = [deed.facts["why"] for deed in AuditLog(server.place.state).read(f"deployment/{NAME}")]
    assert why == ["version 2 has taken all requests"]
    assert server.target.rollback(NAME, server.place, why="test").leading is not None
    assert client.predict()["version"] == 1


@SLOW
def test_a_canary_with_other_predictions_goes_back(server: Server, client: Client) -> None:
    with load(client.url):
        server.release(2, QUICK, factor=40.0)
        done = server.settled()
    assert (done.phase, [item.version for item in done.served]) == ("aborted", [1])
    assert "its predictions are others" in done.note
    until(lambda: all(client.predict()["version"] == 1 for _ in range(10)))  # workers follow a moment later


@SLOW
def test_a_canary_keeps_its_keys_while_it_grows(server: Server, client: Client) -> None:
    keys = [f"key {number}" for number in range(60)]

    def asked() -> dict[str, int]:
        return {key: client.ask("POST", "/predict", ROW, X_Route_Key=key)[1]["version"] for key in keys}

    server.release(2, Canary(steps=(0.3, 0.6, 1.0), bake="1s", min_requests=10, abort=Abort(distribution=None)))
    early = {key for key, version in asked().items() if version == 2}
    until(lambda: "step 2" in server.status.note)
    until(lambda: early < {key for key, version in asked().items() if version == 2})  # workers follow a moment later
    server.target.rollback(NAME, server.place, why="")
    assert set(asked().values()) == {1}


@SLOW
def test_a_release_ends_a_rollout_that_is_under_way(server: Server, client: Client) -> None:
    server.release(2, Canary(steps=(0.5, 1.0), bake="0s", min_requests=1, abort=Abort(distribution=None)))
    with load(client.url) as found:
        for number in range(3, 9):
            server.release(number, Canary(steps=(0.5, 1.0), bake="0s", min_requests=1, abort=Abort(distribution=None)))
            assert server.status.served[0].version == number
    assert not found.broken
    assert set(found.statuses) == {200}


@SLOW
def test_a_shadow_looks_on_and_is_compared(server: Server, client: Client) -> None:
    shadow = Shadow(duration="1s", min_requests=20, then="promote", abort=Abort(latency=None))
    with load(client.url) as found:
        assert server.release(2, shadow).phase == "rolling"
        assert until(lambda: any(line["shadow"] for line in Traffic.of(NAME, server.place).predictions()))
        done = server.settled()
    assert [item.version for item in done.served] == [2]
    assert not found.broken
    shown = {line["id"] for line in Traffic.of(NAME, server.place).predictions() if line["shadow"]}
    assert shown <= set(server.logged)


@SLOW
def test_a_rollout_goes_on_after_its_supervisor_was_killed(server: Server, client: Client) -> None:
    server.release(2, QUICK)
    os.kill(server.status.facts["pid"], signal.SIGKILL)
    until(lambda: server.status.phase == "failed")
    url = server.target.resume(NAME, server.place).url
    with load(url):
        done = server.settled()
    assert [item.version for item in done.served] == [2]


def test_a_killed_worker_is_replaced_and_loses_no_acknowledged_line(server: Server, client: Client) -> None:
    until(lambda: server.status.facts.get("standing_by"))
    with load(client.url) as found:
        time.sleep(0.3)
        before = server.workers
        os.kill(before[0], signal.SIGKILL)
        until(lambda: server.workers and server.workers != before)
        time.sleep(0.3)
    assert len(found.broken) <= 4, "one request for each connection at most"
    logged = server.logged
    assert len(logged) == len(set(logged))
    assert set(found.ids) <= set(logged)


@SLOW
def test_versions_change_under_load_without_a_failed_request(server: Server, client: Client) -> None:
    versions = [server.version(2), server.version(3)]
    with load(client.url) as found:
        for turn in range(60):
            server.target.release(NAME, versions[turn % 2], Direct(), server.place)
    assert not found.broken
    assert set(found.statuses) == {200}
    assert set(found.versions) >= {2, 3}
    assert sorted(found.ids) == sorted(server.logged)


@SLOW
def test_ending_a_worker_drops_nothing(server: Server) -> None:
    url = Local(port=0, workers=2).release(NAME, server.version(1), Direct(), server.place).url
    with load(url) as found:
        for _ in range(5):
            before = until(
                lambda: server.status.facts.get("standing_by") and len(server.workers) == 2 and server.workers
            )
            os.kill(before[0], signal.SIGTERM)
            await_end_of(server, before[0])
    assert not found.broken
    assert set(found.statuses) == {200}


@SLOW
def test_stopping_under_load_drops_nothing(server: Server) -> None:
    for number in range(1, 4):
        url = server.release(number).url
        with load(url) as found:
            time.sleep(0.3)
            server.target.stop(NAME, server.place)
        assert not found.broken
        assert set(found.statuses) == {200}


@SLOW
def test_each_acknowledged_prediction_is_logged_once_under_kills(server: Server) -> None:
    url = Local(port=0, workers=2).release(NAME, server.version(1), Direct(), server.place).url
    with load(url, clients=6) as found:
        for _ in range(5):
            before = until(lambda: len(server.workers) == 2 and server.workers)
            os.kill(before[0], signal.SIGKILL)
            await_end_of(server, before[0])
            time.sleep(0.2)
    logged = server.logged
    assert len(logged) == len(set(logged))
    assert set(found.ids) <= set(logged)
    assert set(found.statuses) == {200}
