"""The application in this process: what it answers, and what it refuses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.services.target import Served
from mlops.services.traffic import Traffic
from mlops_serve.app import App, make_app
from mlops_serve.fleet import Fleet
from mlops_serve.keys import kept
from mlops_serve.loaded import Loaded, load_folder
from mlops_serve.routing import Routes, bounds
from mlops_serve.settings import Limits, Settings
from tests.serving import ROW, make_bundle

KEY = "a-key-that-nobody-guesses"
ROUTES = ["/predict", "/feedback", "/schema", "/version", "/openapi.json", "/docs", "/metrics"]
VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW"]

Ask = Callable[..., httpx.Response]
Make = Callable[..., App]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundles") / "one"
    make_bundle(folder)
    return folder


@pytest.fixture
def make(bundle: Path, tmp_path: Path) -> Iterator[Make]:
    made: list[App] = []

    def of(settings: Settings | None = None, *, log: bool = True) -> App:
        made.append(make_app(bundle, version=3, settings=settings, log=tmp_path if log else None))
        return made[-1]

    yield of
    for app in made:
        app.close()


@pytest.fixture
def app(make: Make) -> App:
    return make()


def ask(app: App, method: str, path: str, **given: Any) -> httpx.Response:
    """Send one request through httpx."""

    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.request(method, path, **given)

    return asyncio.run(send())


def raw(body: bytes) -> dict[str, Any]:
    return {"content": body, "headers": {"content-type": "application/json"}}


def test_one_row_gets_one_answer(app: App) -> None:
    answer = ask(app, "POST", "/predict", json=ROW)
    assert answer.status_code == 200
    assert answer.json() == {"id": answer.json()["id"], "version": 3, "prediction": {"prediction": 7.0}}


def test_rows_get_answers_in_their_order(app: App) -> None:
    rows = [{"x": number, "colour": "blue"} for number in range(50)]
    found = ask(app, "POST", "/predict", json={"rows": rows}).json()["predictions"]
    assert [item["prediction"]["prediction"] for item in found] == [2.0 * number for number in range(50)]
    assert len({item["id"] for item in found}) == 50


def test_every_answer_is_in_the_log(app: App, tmp_path: Path) -> None:
    one = ask(app, "POST", "/predict", json=ROW).json()
    many = ask(app, "POST", "/predict", json={"rows": [ROW, {**ROW, "x": 4}]}).json()["predictions"]
    lines = list(Traffic(tmp_path).predictions())
    assert [line["id"] for line in lines] == [one["id"], *(item["id"] for item in many)]
    assert [line["row"] for line in lines] == [ROW, ROW, {**ROW, "x": 4}]
    assert lines[0]["answer"] == one["prediction"]
    assert (lines[0]["version"], lines[0]["shadow"]) == (3, False)


def test_a_row_over_several_lines_is_one_line_of_the_log(app: App, tmp_path: Path) -> None:
    assert ask(app, "POST", "/predict", **raw(json.dumps(ROW, indent=2).encode())).status_code == 200
    assert [line["row"] for line in Traffic(tmp_path).predictions()] == [ROW]


def test_labels_are_joined_to_their_predictions(app: App, tmp_path: Path) -> None:
    name = ask(app, "POST", "/predict", json=ROW).json()["id"]
    assert ask(app, "POST", "/feedback", json={"id": name, "label": 6.5}).json() == {"accepted": 1}
    assert Traffic(tmp_path).table()["_label"].to_list() == [6.5]


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"x": "3", "colour": "red"}, [(1, "x", "'3' is text, not a whole number")]),
        ({"x": 3.5, "colour": "red"}, [(1, "x", "3.5 is not a whole number")]),
        ({"x": 1001, "colour": "red"}, [(1, "x", "1001 is above 1000")]),
        ({"x": 3}, [(1, "colour", "is missing")]),
        ({}, [(1, "x", "is missing"), (1, "colour", "is missing")]),
        ({**ROW, "size": 1}, [(1, "size", "is not a column of the model")]),
        (
            {"x": 3, "color": "red"},
            [(1, "color", "is not a column of the model; is it 'colour'?"), (1, "colour", "is missing")],
        ),
        ({"rows": [ROW, {"x": [1], "colour": "red"}]}, [(2, "x", "[1] is List(Int64), not a whole number")]),
        ({"rows": [ROW, {"colour": "red"}, {"x": True, "colour": 3}]}, None),
    ],
)
def test_each_bad_value_is_named(
    app: App, tmp_path: Path, body: Any, details: list[tuple[int, str, str]] | None
) -> None:
    answer = ask(app, "POST", "/predict", json=body)
    assert answer.status_code == 422
    found = [(item["row"], item["column"], item["why"]) for item in answer.json()["details"]]
    if details is None:
        assert [place for place, _, _ in found] == [2, 3, 3]
    else:
        assert found == details
    assert not list(Traffic(tmp_path).predictions())


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"x": NaN, "colour": "red"}', 400),
        (b'{"x": Infinity, "colour": "red"}', 400),
        (b'{"x": 1e999, "colour": "red"}', 422),
        (b'{"x": 1, "x": 2, "colour": "red"}', 400),
        (b'{"x": 99999999999999999999, "colour": "red"}', 422),
        (b'{"x": 1, "colour": "\\ud800"}', 422),
        (b"null", 422),
        (b"[]", 422),
        (b"", 400),
        (b"{" * 50_000, 400),
    ],
)
def test_nothing_bad_is_predicted(app: App, body: bytes, status: int) -> None:
    assert ask(app, "POST", "/predict", **raw(body)).status_code == status


def test_a_missing_value_that_the_model_knows_is_predicted(app: App) -> None:
    answer = ask(app, "POST", "/predict", json={"x": 3, "colour": None})
    assert answer.json()["prediction"] == {"prediction": 6.0}


def test_other_media_types_are_refused(app: App) -> None:
    answer = ask(app, "POST", "/predict", content=json.dumps(ROW), headers={"content-type": "text/plain"})
    assert answer.status_code == 415
    assert "application/json" in answer.json()["fix"]


@pytest.mark.parametrize("path", [*ROUTES, "/", "/nothing", "/livez/../predict"])
@pytest.mark.parametrize("method", VERBS)
def test_the_key_covers_every_route_and_verb(make: Make, path: str, method: str) -> None:
    app = make(Settings(key=kept(KEY)), log=False)
    for headers in ({}, {"x-api-key": "wrong"}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {KEY}"}):
        assert statuses(app, method, path, headers) == 401


def statuses(app: App, method: str, path: str, headers: dict[str, str]) -> int:
    """Send a request as it stands, also one that httpx would mend."""
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(run(app(scope, receive, send)))
    return int(sent[0]["status"])


async def run(work: Awaitable[None]) -> None:
    await work


@pytest.mark.parametrize("headers", [{"x-api-key": KEY}, {"authorization": f"Bearer {KEY}"}])
def test_the_key_opens_every_route(make: Make, headers: dict[str, str]) -> None:
    app = make(Settings(key=kept(KEY)))
    for path in ROUTES[2:]:
        assert ask(app, "GET", path, headers=headers).status_code == 200
    assert ask(app, "POST", "/predict", json=ROW, headers=headers).status_code == 200


def test_the_probes_need_no_key(make: Make) -> None:
    app = make(Settings(key=kept(KEY)))
    assert [ask(app, "GET", path).status_code for path in ("/livez", "/readyz")] == [200, 200]


@pytest.mark.parametrize("path", ROUTES)
def test_a_wrong_verb_names_the_right_one(app: App, path: str) -> None:
    answer = ask(app, "DELETE", path)
    assert answer.status_code == 405
    assert answer.headers["allow"] in ("POST", "GET, HEAD")


def test_a_route_that_is_not_there_names_those_that_are(app: App) -> None:
    answer = ask(app, "GET", "/predictt")
    assert answer.status_code == 404
    assert "/predict" in answer.json()["fix"]


def test_a_large_body_is_refused_by_its_length_unread(make: Make) -> None:
    app = make(Settings(limits=Limits(body_mib=0.001)))
    read: list[int] = []

    async def receive() -> MutableMapping[str, Any]:
        read.append(1)
        return {"type": "http.disconnect"}

    assert converse(app, receive, [(b"content-length", b"300000000")])[0]["status"] == 413
    assert len(read) == 1, "only what follows the refusal is read, and thrown away"


def test_a_body_that_grows_too_large_is_refused_on_its_way(make: Make) -> None:
    app = make(Settings(limits=Limits(body_mib=0.001)))
    read: list[int] = []

    async def receive() -> MutableMapping[str, Any]:
        read.append(1)
        return {"type": "http.request", "body": b" " * 600, "more_body": len(read) < 100}

    sent = converse(app, receive, [(b"transfer-encoding", b"chunked")])
    assert sent[0]["status"] == 413
    assert (b"connection", b"close") in sent[0]["headers"]


def test_a_client_that_sends_too_slowly_is_let_go(make: Make) -> None:
    app = make(Settings(limits=Limits(client_seconds=0.05)))

    async def receive() -> MutableMapping[str, Any]:
        if not waited:
            waited.append(1)
            return {"type": "http.request", "body": b"{", "more_body": True}
        await asyncio.sleep(0.2)
        return {"type": "http.disconnect"}

    waited: list[int] = []
    assert converse(app, receive, [])[0]["status"] == 408


def converse(
    app: App, receive: Any, headers: list[tuple[bytes, bytes]], *, path: str = "/predict"
) -> list[MutableMapping[str, Any]]:
    """Send one request whose body comes from a function."""
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    kind = (b"content-type", b"application/json")
    scope = {"type": "http", "method": "POST", "path": path, "root_path": "", "headers": [kind, *headers]}
    asyncio.run(run(app(scope, receive, send)))
    return sent


def test_those_who_come_when_too_many_wait_are_refused_at_once(make: Make) -> None:
    app = make(Settings(limits=Limits(waiting=4)))

    async def crowd() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await asyncio.gather(*(client.post("/predict", json=ROW) for _ in range(20)))

    answers = asyncio.run(crowd())
    codes = [answer.status_code for answer in answers]
    assert codes.count(200) >= 4
    assert codes.count(503) == 20 - codes.count(200) > 0
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert refused.headers["retry-after"] == "1"


def test_nothing_is_answered_that_cannot_be_logged(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "requests").write_text("a file where the folder should be")
    app = make_app(bundle, log=tmp_path)
    answer = ask(app, "POST", "/predict", json=ROW)
    assert answer.status_code == 503
    assert "cannot be logged" in answer.json()["error"]
    assert ask(app, "GET", "/readyz").status_code == 503
    app.close()


def test_best_effort_answers_all_the_same(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "requests").write_text("a file where the folder should be")
    app = make_app(bundle, log=tmp_path, settings=Settings(log="best_effort"))
    assert ask(app, "POST", "/predict", json=ROW).status_code == 200
    assert ask(app, "GET", "/readyz").status_code == 200
    assert "mlops_log_errors_total 1" in ask(app, "GET", "/metrics").text
    app.close()


def test_the_schema_is_that_of_the_bundle(app: App) -> None:
    schema = ask(app, "GET", "/schema").json()
    assert [column["name"] for column in schema["columns"]] == ["x", "colour"]
    assert schema["columns"][0] == {
        "name": "x",
        "kind": "numeric",
        "takes": "a whole number",
        "required": True,
        "nullable": True,
        "max": 1000,
    }
    assert ask(app, "POST", "/predict", json=schema["example"]).status_code == 200


def test_openapi_tells_what_a_row_takes(app: App) -> None:
    document = ask(app, "GET", "/openapi.json").json()
    assert set(document["paths"]) == {*ROUTES, "/livez", "/readyz"}
    row = document["components"]["schemas"]["Row"]
    assert row["additionalProperties"] is False
    assert row["properties"]["x"] == {"anyOf": [{"type": "integer", "maximum": 1000}, {"type": "null"}]}


def test_the_page_needs_nothing_from_elsewhere(app: App) -> None:
    answer = ask(app, "GET", "/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "http://" not in answer.text
    assert "https://" not in answer.text
    assert "{{" not in answer.text


def test_metrics_are_what_prometheus_reads(app: App) -> None:
    ask(app, "POST", "/predict", json=ROW)
    ask(app, "POST", "/predict", json={})
    lines = ask(app, "GET", "/metrics").text.splitlines()
    assert 'mlops_requests_total{route="predict",status="200"} 1' in lines
    assert 'mlops_requests_total{route="predict",status="422"} 1' in lines
    assert 'mlops_predictions_total{version="3",shadow="false"} 1' in lines
    assert 'mlops_request_seconds_bucket{route="predict",le="+Inf"} 2' in lines


def test_a_mounted_application_knows_its_routes(app: App) -> None:
    from starlette.applications import Starlette
    from starlette.routing import Mount

    async def send() -> httpx.Response:
        outer = Starlette(routes=[Mount("/v1", app=app)])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(outer), base_url="http://test") as client:
            return await client.post("/v1/predict", json=ROW)

    assert asyncio.run(send()).status_code == 200


class Broken:
    """A scorer that fails, where a real one would take a damaged machine."""

    columns = ("x", "colour")
    outputs = ("prediction",)

    def score_row(self, row: Any) -> Any:
        raise RuntimeError("the graph broke")


@pytest.fixture
def three(bundle: Path, tmp_path: Path) -> dict[str, Loaded]:
    """A version that leads, a new one, and a broken one."""
    make_bundle(tmp_path / "new", factor=3.0)
    old = load_folder(bundle, Served("m", 1, "old", str(bundle)))
    new = load_folder(tmp_path / "new", Served("m", 2, "new", str(tmp_path / "new")))
    broken = replace(new, scorer=Broken(), served=replace(new.served, version=9))  # type: ignore[arg-type] # on purpose
    return {"old": old, "new": new, "broken": broken}


def served(tmp_path: Path, new: Loaded, old: Loaded, *, share: float = 1.0, **settings: Any) -> App:
    routes = Routes(5, (new, old), bounds([share, 1 - share]), old)
    return App(Fleet("m", routes), Settings(**settings), log=tmp_path)


def test_the_header_decides_which_version_answers(tmp_path: Path, three: dict[str, Loaded]) -> None:
    app = served(tmp_path, three["new"], three["old"], share=0.5)
    first: dict[str, int] = {}
    for _ in range(2):
        for key in map(str, range(30)):
            answer = ask(app, "POST", "/predict", json=ROW, headers={"x-route-key": key}).json()
            assert first.setdefault(key, answer["version"]) == answer["version"]
    assert set(first.values()) == {1, 2}
    app.close()


def test_a_column_decides_row_by_row(tmp_path: Path, three: dict[str, Loaded]) -> None:
    app = served(tmp_path, three["new"], three["old"], share=0.5, route_by="customer", extra_columns=("customer",))
    rows = [{**ROW, "customer": f"c{number % 10}"} for number in range(100)]
    found = ask(app, "POST", "/predict", json={"rows": rows}).json()["predictions"]
    versions = [item["version"] for item in found]
    assert set(versions) == {1, 2}
    assert versions == versions[:10] * 10
    assert [item["prediction"]["prediction"] for item in found] == [10.0 if v == 2 else 7.0 for v in versions]
    assert [line["row"]["customer"] for line in Traffic(tmp_path).predictions()].count("c3") == 10
    app.close()


def test_the_leading_version_answers_for_one_that_fails(tmp_path: Path, three: dict[str, Loaded]) -> None:
    app = served(tmp_path, three["broken"], three["old"])
    answer = ask(app, "POST", "/predict", json=ROW)
    assert (answer.status_code, answer.json()["version"]) == (200, 1)
    assert 'mlops_prediction_errors_total{version="9"} 1' in ask(app, "GET", "/metrics").text
    app.close()


def test_a_shadow_is_asked_and_never_answers(tmp_path: Path, three: dict[str, Loaded]) -> None:
    shadow = replace(three["new"], served=replace(three["new"].served, shadow=True))
    app = App(Fleet("m", Routes(5, (three["old"],), bounds([1.0]), three["old"], (shadow,))), Settings(), log=tmp_path)

    async def twice() -> list[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            found = [(await client.post("/predict", json=ROW)).json()["version"] for _ in range(2)]
            await asyncio.sleep(0.05)
            return found

    assert asyncio.run(twice()) == [1, 1]
    app.close()
    lines = list(Traffic(tmp_path).predictions())
    assert sorted((line["version"], line["shadow"]) for line in lines) == [(1, False)] * 2 + [(2, True)] * 2
    assert len({line["id"] for line in lines}) == 2


def test_without_a_version_nothing_is_ready() -> None:
    app = App(Fleet("m"), Settings())
    assert ask(app, "GET", "/livez").status_code == 200
    for method, path in (("GET", "/readyz"), ("GET", "/schema"), ("GET", "/version"), ("GET", "/docs")):
        assert ask(app, method, path).status_code == 503
    assert ask(app, "POST", "/predict", json=ROW).status_code == 503
    app.close()


def test_prediction_that_is_no_number_is_refused_and_not_logged(bundle: Path, tmp_path: Path) -> None:
    app = make_app(bundle, log=tmp_path)
    answer = ask(app, "POST", "/predict", json={"rows": [ROW, {"x": None, "colour": "red"}]})
    assert answer.status_code == 422
    assert answer.json()["error"] == "no finite prediction for 1 of 2 rows"
    assert [item["row"] for item in answer.json()["details"]] == [2]
    assert not any(path.read_bytes() for path in (tmp_path / "requests").glob("*"))
    app.close()


CELLS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=2), st.integers(), max_size=2)
)
NAMES = st.sampled_from(["x", "colour", "rows", "id", "label"])
BODIES = (
    st.dictionaries(NAMES, CELLS)
    | st.fixed_dictionaries({"rows": st.lists(st.dictionaries(NAMES, CELLS) | CELLS, max_size=3)})
    | st.fixed_dictionaries({"labels": st.lists(st.dictionaries(NAMES, CELLS) | CELLS, max_size=3)})
    | CELLS
)


@pytest.fixture(scope="module")
def steady(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    made = make_app(bundle, log=tmp_path_factory.mktemp("log"))
    yield made
    made.close()


@settings(max_examples=300, deadline=None)
@given(
    path=st.sampled_from(["/predict", "/feedback"]),
    body=BODIES.map(lambda value: json.dumps(value).encode()) | st.binary(),
)
def test_no_body_makes_the_server_fail(steady: App, path: str, body: bytes) -> None:
    sent = converse(steady, iter_of(body), [], path=path)
    status, answer = sent[0]["status"], json.loads(sent[1]["body"])
    assert status in (200, 400, 413, 422), answer
    if status == 200 and path == "/predict":
        row = json.loads(body)
        rows = row["rows"] if row.keys() == {"rows"} else [row]
        assert all(
            item.keys() == {"x", "colour"} and (item["x"] is None or item["x"] == int(item["x"]) <= 1000)
            for item in rows
        )


def iter_of(body: bytes) -> Any:
    """A body that comes at once."""

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
