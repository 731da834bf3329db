from __future__ import annotations

import filecmp
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops.formats import Package
from mlops.testing import make_context
from mlops_serve.bento import Bento
from mlops_serve.bento_packing import NEEDED, locked
from tests.serving import ROW, make_bundle


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    folder = tmp_path_factory.mktemp("bento")
    return Bento(name="toy").run(make_bundle(folder / "bundle"), context=make_context(folder / "work"))


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_bento_is_the_same_each_time(package: Package, tmp_path: Path) -> None:
    again = Bento(name="toy").run(make_bundle(tmp_path / "bundle"), context=make_context(tmp_path / "work"))
    names = files(package.folder)
    assert files(again.folder) == names
    assert filecmp.cmpfiles(package.folder, again.folder, names, shallow=False)[0] == names


def test_requirements_are_locked_and_few(package: Package) -> None:
    lines = (package.content / "env" / "python" / "requirements.txt").read_text().split()
    assert {f"{name}=={version(name)}" for name in NEEDED} <= set(lines)
    assert all("==" in line for line in lines)
    assert not {line.partition("==")[0] for line in lines} & {
        "torch",
        "ray",
        "mlflow",
        "scikit-learn",
        "lightgbm",
        "dvc",
    }


def test_lock_follows_requirements() -> None:
    assert [line.partition("==")[0] for line in locked(("starlette",))] == [
        "anyio",
        "idna",
        "starlette",
        "typing-extensions",
    ]


def test_dockerfile_and_context_are_written_out(package: Package) -> None:
    assert (package.content / "env" / "docker" / "Dockerfile").is_file()
    assert (package.content / "src" / "bundle" / "model.onnx").is_file()


def test_nothing_tells_when_or_where_it_was_built(package: Package) -> None:
    facts: dict[str, Any] = yaml.safe_load((package.content / "bento.yaml").read_text())
    assert facts["creation_time"].startswith("1970")
    text = "".join((package.folder / name).read_text(errors="ignore") for name in files(package.folder))
    assert str(Path(sys.prefix)) not in text


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def asked(port: int, path: str, body: Any = None, key: str = "") -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "X-API-Key": key}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own server
        text = answer.read()
    return json.loads(text) if text[:1] in b"{[" else text


@pytest.mark.slow
def test_plain_bentoml_serves_it(package: Package, tmp_path: Path) -> None:
    port = free_port()
    command = [str(Path(sys.executable).with_name("bentoml")), "serve", str(package.content)]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    settings = {"BENTOML_HOME": str(tmp_path), "BENTOML_DO_NOT_TRACK": "True", "MLOPS_API_KEY": "a" * 20}
    settings |= {"MLOPS_REQUEST_LOG": str(tmp_path / "log"), "PYTHONPATH": ""}
    with (tmp_path / "out").open("wb") as out:
        server = subprocess.Popen(
            command, env={**os.environ, **settings}, stdout=out, stderr=out, cwd=tmp_path, start_new_session=True
        )
    try:
        _wait(port)
        answer = asked(port, "/predict", ROW, "a" * 20)
        assert answer["prediction"]["prediction"] == 7.0
        assert set(ROW) <= set(json.dumps(asked(port, "/schema", key="a" * 20)).replace(chr(34), " ").split())
        with pytest.raises(urllib.error.HTTPError, match="401"):
            asked(port, "/predict", ROW, "wrong")
        logged = [
            json.loads(line) for path in tmp_path.glob("log/requests/*") for line in path.read_text().splitlines()
        ]
        assert [line["row"] for line in logged] == [ROW]
    finally:
        os.killpg(server.pid, 15)
        server.wait(30)


def _wait(port: int) -> None:
    for _ in range(120):
        try:
            asked(port, "/readyz")
        except OSError:
            time.sleep(0.25)
        else:
            return
    raise AssertionError("the server did not come up")
