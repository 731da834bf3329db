"""Small bundles, deployments of them, and clients that ask."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from onnx import TensorProto, helper

from mlops.formats import Bundle
from mlops.services.registry import ModelVersion
from mlops.store.manifest import MANIFEST, FileFact, Manifest, digest_of, hash_file, plain_file, survey

ROW = {"x": 3, "colour": "red"}


def make_bundle(folder: Path, *, factor: float = 2.0, column: str = "x") -> Bundle:
    """The prediction is x times the factor, and one more for red."""
    nodes = [
        helper.make_node(
            "LabelEncoder",
            ["colour"],
            ["code"],
            domain="ai.onnx.ml",
            keys_strings=["red"],
            values_floats=[1.0],
            default_float=0.0,
        ),
        helper.make_node("Mul", [column, "factor"], ["times"]),
        helper.make_node("Add", ["times", "code"], ["sum"]),
        helper.make_node("Flatten", ["sum"], ["flat"], axis=0),
        helper.make_node("Squeeze", ["flat", "zero"], ["prediction"]),
    ]
    inputs = [
        helper.make_tensor_value_info(column, TensorProto.FLOAT, ["rows", 1]),
        helper.make_tensor_value_info("colour", TensorProto.STRING, ["rows", 1]),
    ]
    outputs = [helper.make_tensor_value_info("prediction", TensorProto.FLOAT, ["rows"])]
    constants = [
        helper.make_tensor("zero", TensorProto.INT64, [1], [0]),
        helper.make_tensor("factor", TensorProto.FLOAT, [1], [factor]),
    ]
    graph = helper.make_graph(nodes, "g", inputs, outputs, initializer=constants)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    columns = [
        {"name": column, "kind": "numeric", "dtype": "Int64", "expected": {"max": 1000}},
        {"name": "colour", "kind": "categorical", "dtype": "String"},
    ]
    signature = {
        "task": "regression",
        "target": "y",
        "classes": [],
        "inputs": columns,
        "derived": [],
        "tensors": columns,
        "history": [],
        "outputs": [],
        "example": {column: 1, "colour": "red"},
    }
    folder.mkdir(parents=True)
    return Bundle.create(folder, model.SerializeToString(), signature=signature, lineage={})


def make_version(folder: Path, number: int, *, factor: float = 2.0, column: str = "x") -> ModelVersion:
    """A bundle with its manifest, as a registry gives it."""
    make_bundle(folder, factor=factor, column=column)
    return ModelVersion("toy", number, seal(folder), folder, created="2026-01-01T00:00:00+00:00")


def seal(folder: Path) -> str:
    """Write the manifest of a folder; give its digest."""
    facts = {}
    for name in survey(folder).keys() - {MANIFEST}:
        with plain_file(folder / name) as file:
            facts[name] = FileFact((folder / name).stat().st_size, hash_file(file))
    content = Manifest(facts).to_bytes()
    (folder / MANIFEST).write_bytes(content)
    return digest_of(content)


@dataclass
class Client:
    """One connection that is kept open; a request that fails is raised."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._connect()

    def _connect(self) -> None:
        place = urlsplit(self.url)
        self._connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Send one request; give status and JSON, or text."""
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kinds = {"Content-Type": "application/json"} if body is not None else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, path, sent, {**kinds, **self.headers, **named})
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.will_close:
            self._connection.close()
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return answer.status, json.loads(content) if is_json and content else content.decode()

    def predict(self, **row: Any) -> Any:
        """Predict one row that must be taken."""
        status, answer = self.ask("POST", "/predict", {**ROW, **row})
        assert status == 200, answer
        return answer

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


@dataclass
class Load:
    """What clients that never stop asking met."""

    statuses: Counter[int] = field(default_factory=Counter)
    versions: Counter[int] = field(default_factory=Counter)
    ids: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """Requests that got no answer."""


@contextmanager
def load(url: str, *, clients: int = 4) -> Iterator[Load]:
    """Keep asking while the block lasts."""
    found, ended = Load(), threading.Event()
    threads = [threading.Thread(target=_ask, args=(url, found, ended)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _ask(url: str, found: Load, ended: threading.Event) -> None:
    client = Client(url)
    while not ended.is_set():
        try:
            status, answer = client.ask("POST", "/predict", ROW)
        except ConnectionRefusedError:
            client.close()
            time.sleep(0.01)
            continue
        except (OSError, http.client.HTTPException) as exc:
            found.broken.append(repr(exc))
            client.close()
            continue
        found.statuses[status] += 1
        if status == 200:
            found.versions[answer["version"]] += 1
            found.ids.append(answer["id"])
    client.close()


def until(condition: Callable[[], Any], *, seconds: float = 30.0) -> Any:
    """Wait for something to be so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come to that")
