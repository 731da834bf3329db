from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest

from mlops.errors import ProjectError
from mlops.fingerprint.files import FileDigests
from mlops.fingerprint.urls import url_digest, without_secrets


class Answers(BaseHTTPRequestHandler):
    """Answers HEAD with the headers of the path."""

    headers_of: ClassVar[dict[str, dict[str, str]]] = {
        "/tagged.csv": {"ETag": '"a1"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"},
        "/moved/tagged.csv": {"ETag": '"a1"', "Last-Modified": "Tue, 02 Jan 2024 00:00:00 GMT"},
        "/changed.csv": {"ETag": '"b2"'},
        "/dated.csv": {"Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT", "Content-Length": "3"},
        "/longer.csv": {"Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT", "Content-Length": "4"},
        "/silent.csv": {"Content-Length": "3"},
    }

    def do_HEAD(self) -> None:
        headers = self.headers_of.get(self.path.partition("?")[0])
        if self.path == "/private.csv" and self.headers["Authorization"] == "Basic bWU6aHVudGVyMg==":
            headers = {"ETag": "private"}
        self.send_response(404 if headers is None else 200)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


@pytest.fixture
def memory() -> Iterator[Any]:
    store = fsspec.filesystem("memory")
    store.pipe_file("/shop/jan.csv", b"1")
    store.pipe_file("/shop/feb.csv", b"2")
    yield store
    store.rm("/shop", recursive=True)


def test_an_equal_etag_is_enough_whatever_the_date(server: str) -> None:
    assert url_digest(f"{server}/tagged.csv") == url_digest(f"{server}/moved/tagged.csv")


def test_another_etag_gives_another_digest(server: str) -> None:
    assert url_digest(f"{server}/tagged.csv") != url_digest(f"{server}/changed.csv")


def test_without_an_etag_date_and_size_count(server: str) -> None:
    assert url_digest(f"{server}/dated.csv") != url_digest(f"{server}/longer.csv")


def test_a_server_that_tells_nothing_is_refused(server: str) -> None:
    with pytest.raises(ProjectError, match="tells neither a checksum nor a date"):
        url_digest(f"{server}/silent.csv")


def test_a_missing_page_is_an_error_without_the_query(server: str) -> None:
    with pytest.raises(ProjectError, match=r"gone.csv\?… cannot be reached: HTTPError.*404") as caught:
        url_digest(f"{server}/gone.csv?token=hunter2")
    assert "hunter2" not in str(caught.value)


def test_user_and_password_reach_the_server(server: str) -> None:
    assert url_digest(f"{server.replace('://', '://me:hunter2@')}/private.csv")


def test_a_refused_password_is_not_repeated(server: str) -> None:
    with pytest.raises(ProjectError, match=r"://…@127.*404") as caught:
        url_digest(f"{server.replace('://', '://me:wrong-one@')}/private.csv")
    assert "wrong-one" not in str(caught.value)


def test_a_server_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ProjectError, match=r"cannot be reached: URLError"):
        url_digest("http://127.0.0.1:9/table.csv")


def test_a_stored_file_keeps_its_digest_until_it_is_written_again(memory: Any) -> None:
    before = url_digest("memory://shop/jan.csv")
    assert url_digest("memory://shop/jan.csv") == before
    memory.pipe_file("/shop/jan.csv", b"3")
    assert url_digest("memory://shop/jan.csv") != before


def test_a_glob_covers_every_file(memory: Any) -> None:
    before = url_digest("memory://shop/*.csv")
    memory.pipe_file("/shop/mar.csv", b"3")
    assert url_digest("memory://shop/*.csv") != before


def test_a_stored_folder_covers_every_file(memory: Any) -> None:
    before = url_digest("memory://shop")
    memory.pipe_file("/shop/deep/mar.csv", b"3")
    assert url_digest("memory://shop") != before


def test_a_missing_stored_file_is_an_error(memory: Any) -> None:
    with pytest.raises(ProjectError, match=r"there is no file 'memory://shop/gone\.csv'"):
        url_digest("memory://shop/gone.csv")


def test_a_glob_that_finds_nothing_is_an_error(memory: Any) -> None:
    with pytest.raises(ProjectError, match="there is no file"):
        url_digest("memory://shop/*.parquet")


def test_a_misspelt_scheme_is_corrected() -> None:
    with pytest.raises(ProjectError, match="did you mean memory://"):
        url_digest("memry://shop/jan.csv")


def test_a_missing_library_is_named() -> None:
    with pytest.raises(ProjectError, match="pip install gcsfs"):
        url_digest("gs://bucket/table.csv")


def test_user_password_and_query_are_not_shown() -> None:
    assert without_secrets("https://me:pass@host/a.csv?sig=1") == "https://…@host/a.csv?…"


def test_a_source_may_be_a_url(memory: Any, tmp_path: Path) -> None:
    digests = FileDigests(tmp_path / "hints.json")
    assert digests.source_digest("memory://shop/jan.csv", lambda url: [url]) == url_digest("memory://shop/jan.csv")
