"""What a server tells of itself: schema, versions, OpenAPI and a page for people, all from the bundle's signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from mlops import __version__
from mlops.formats.column_types import wanted
from mlops.formats.features import Input
from mlops.formats.terms import Terms
from mlops_serve.fleet import Fleet
from mlops_serve.loaded import Loaded
from mlops_serve.questions import Refused, encode

__all__ = ["Describer"]

_TEXT, _NUMBER = {"type": "string"}, {"type": "number"}
_TIME = {"type": "string", "description": "ISO 8601; in UTC when it names no zone"}


class Describer:
    """Describes what a fleet serves at the moment."""

    def __init__(self, fleet: Fleet, extra: Sequence[str] = ()) -> None:
        self._fleet = fleet
        self._extra = tuple(extra)

    def schema(self) -> dict[str, Any]:
        """What a row takes and what an answer holds."""
        signature = self._leading().signature
        inputs = [Input.model_validate(item) for item in signature["inputs"]]
        return {
            "task": signature["task"],
            "columns": [_column(item) for item in inputs],
            "extra_columns": list(self._extra),
            "outputs": list(self._leading().scorer.outputs),
            "classes": signature["classes"],
            "example": signature["example"],
        }

    def version(self) -> dict[str, Any]:
        """Which versions answer."""
        routes = self._fleet.routes
        if routes is None:
            raise Refused(503, "no version is loaded yet", headers=((b"retry-after", b"1"),))
        shown = ("model", "version", "digest", "share", "shadow")
        held = (*routes.live, *routes.shadows)
        return {
            "deployment": self._fleet.name,
            "revision": routes.revision,
            "version": routes.leading.served.version,
            "served": [{key: getattr(item.served, key) for key in shown} for item in held],
            "mlops": __version__,
        }

    def gauges(self) -> dict[str, float]:
        """Revision and shares, for the metrics."""
        routes = self._fleet.routes
        if routes is None:
            return {}
        shares = {f'mlops_share{{version="{item.served.version}"}}': item.served.share for item in routes.live}
        return {"mlops_revision": float(routes.revision), **shares}

    def openapi(self) -> dict[str, Any]:
        """OpenAPI 3.1."""
        leading = self._leading()
        schemas = {
            "Row": _row(leading, self._extra),
            "Answer": _answer(leading),
            "Error": _ERROR,
            "Label": _label(leading),
        }
        return {
            "openapi": "3.1.0",
            "info": {"title": self._fleet.name, "version": str(leading.served.version)},
            "paths": {**_paths(leading.signature["example"])},
            "components": {
                "schemas": schemas,
                "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}},
            },
            "security": [{"key": []}, {}],
        }

    def page(self) -> str:
        """The API as a page that needs nothing from elsewhere."""
        schema = self.schema()
        rows = "".join(_table_row(column) for column in schema["columns"])
        values = {
            "NAME": escape(self._fleet.name),
            "VERSION": str(self._leading().served.version),
            "ROWS": rows,
            "OUTPUTS": escape(", ".join(schema["outputs"])),
            "EXAMPLE": escape(encode(schema["example"])),
        }
        page = files("mlops_serve").joinpath("page.html").read_text(encoding="utf-8")
        for name, value in values.items():
            page = page.replace(f"{{{{{name}}}}}", value)
        return page

    def _leading(self) -> Loaded:
        routes = self._fleet.routes
        if routes is None:
            raise Refused(503, "no version is loaded yet", headers=((b"retry-after", b"1"),))
        return routes.leading


def _column(item: Input) -> dict[str, Any]:
    found: dict[str, Any] = {"name": item.name, "kind": item.kind, "takes": _takes(item), "required": _required(item)}
    if item.expected is not None:
        expected = item.expected.model_dump(mode="json")
        found |= {key: value for key, value in expected.items() if value not in (None, "error")}
    if item.shape:
        found["shape"] = list(item.shape)
    return found


def _takes(item: Input) -> str:
    return "a picture: a list of numbers" if item.kind == "image" else wanted(Terms(item).dtype)


def _required(item: Input) -> bool:
    return item.expected is None or item.expected.otherwise == "error"


def _property(item: Input) -> dict[str, Any]:
    """JSON Schema of one column."""
    if item.kind == "image":
        return {"type": "array", "items": _NUMBER, "description": f"{item.width} numbers"}
    dtype = Terms(item).dtype
    if dtype.is_integer():
        found: dict[str, Any] = {"type": "integer"}
    elif dtype.is_float():
        found = dict(_NUMBER)
    elif str(dtype) == "Boolean":
        found = {"type": "boolean"}
    else:
        found = dict(_TIME if item.kind == "datetime" else _TEXT)
    expected = item.expected
    if expected is not None and expected.otherwise == "error":
        found |= _bounds(expected.model_dump(mode="json"), number="type" in found and found["type"] in _NUMBERS)
    nullable = expected is None or expected.nullable or expected.otherwise != "error"
    return {"anyOf": [found, {"type": "null"}]} if nullable else found


_NUMBERS = ("integer", "number")


def _bounds(expected: Mapping[str, Any], *, number: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if expected.get("allowed") is not None:
        found["enum"] = list(expected["allowed"])
    if expected.get("regex") is not None:
        found["pattern"] = f"^(?:{expected['regex']})$"
    for ours, theirs in (("min", "minimum"), ("max", "maximum")):
        if number and expected.get(ours) is not None:
            found[theirs] = expected[ours]
    return found


def _row(leading: Loaded, extra: Sequence[str]) -> dict[str, Any]:
    inputs = [Input.model_validate(item) for item in leading.signature["inputs"]]
    return {
        "type": "object",
        "properties": {item.name: _property(item) for item in inputs} | {name: {} for name in extra},
        "required": [item.name for item in inputs if _required(item)],
        "additionalProperties": False,
        "example": leading.signature["example"],
    }


def _answer(leading: Loaded) -> dict[str, Any]:
    classes = leading.signature["classes"]
    values = {name: {"enum": classes} if name == "label" else _NUMBER for name in leading.scorer.outputs}
    return {
        "type": "object",
        "properties": {
            "id": {**_TEXT, "description": "Send it back with the label to /feedback."},
            "version": {"type": "integer"},
            "prediction": {"type": "object", "properties": values},
        },
        "required": ["id", "version", "prediction"],
    }


def _label(leading: Loaded) -> dict[str, Any]:
    classes = leading.signature["classes"]
    label = {"enum": classes} if classes else _NUMBER
    return {
        "type": "object",
        "properties": {"id": _TEXT, "label": label},
        "required": ["id", "label"],
        "additionalProperties": False,
    }


_ERROR: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "error": _TEXT,
        "fix": _TEXT,
        "details": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"row": {"type": "integer"}, "column": _TEXT, "why": _TEXT},
            },
        },
    },
    "required": ["error"],
}

_REFUSALS: Mapping[str, str] = {
    "400": "not JSON",
    "401": "the API key is missing or wrong",
    "408": "the request took too long to arrive",
    "413": "too large",
    "415": "not said to be JSON",
    "422": "bad values, each named",
    "500": "the version failed",
    "503": "too many requests, or the log is broken",
}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _many(name: str, of: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": "array", "items": _ref(of), "minItems": 1}},
        "required": [name],
        "additionalProperties": False,
    }


def _paths(example: Mapping[str, Any]) -> dict[str, Any]:
    asked = {"anyOf": [_ref("Row"), _many("rows", "Row")]}
    answered = {"anyOf": [_ref("Answer"), _many("predictions", "Answer")]}
    labels = {"anyOf": [_ref("Label"), _many("labels", "Label")]}
    accepted = {"type": "object", "properties": {"accepted": {"type": "integer"}}}
    plain = {"schema": {"type": "object"}}
    told = {
        "/schema": "What a row takes",
        "/version": "Which versions answer",
        "/openapi.json": "This document",
        "/livez": "Whether the process lives",
        "/readyz": "Whether it can answer",
    }
    found: dict[str, Any] = {
        "/predict": {"post": _post("Predict one row or many", asked, answered, example=dict(example))},
        "/feedback": {"post": _post("Say what turned out to be true", labels, accepted)},
        "/metrics": {"get": _get("Counts for Prometheus", {"text/plain": {"schema": _TEXT}})},
        "/docs": {"get": _get("The API for people", {"text/html": {"schema": _TEXT}})},
    }
    return found | {path: {"get": _get(text, {"application/json": plain})} for path, text in told.items()}


def _post(text: str, asked: Mapping[str, Any], answered: Mapping[str, Any], *, example: Any = None) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": asked} | ({"example": example} if example is not None else {})
    done = {"description": "done", "content": {"application/json": {"schema": answered}}}
    return {
        "summary": text,
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {"200": done, **_refused()},
    }


def _get(text: str, content: Mapping[str, Any]) -> dict[str, Any]:
    refused = {status: said for status, said in _refused().items() if status in ("401", "503")}
    return {"summary": text, "responses": {"200": {"description": "done", "content": dict(content)}, **refused}}


def _refused() -> dict[str, Any]:
    content = {"application/json": {"schema": _ref("Error")}}
    return {status: {"description": text, "content": content} for status, text in _REFUSALS.items()}


def _table_row(column: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in column.items() if key not in ("name", "kind", "takes", "required")}
    said = ", ".join(f"{key}: {value}" for key, value in rest.items())
    need = "yes" if column["required"] else "no"
    cells = (column["name"], column["takes"], need, said)
    return "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>"
