from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from kubernetes_validate import validate
from pydantic import ValidationError

from mlops.errors import ProjectError
from mlops.services.pins import pinned
from mlops.services.registry import ModelVersion
from mlops.services.target import Strategy
from mlops.stage import Place
from mlops_kubernetes.target import Autoscaling, Kubernetes

ROUTES = json.loads((Path(__file__).parents[2] / "data" / "gateway_httproute_v1.json").read_bytes())


class StepsStrategy(Strategy):
    steps: tuple[float, ...] = (0.1, 0.5, 1.0)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, tmp_path / ".mlops", "flights")


def version(number: int) -> ModelVersion:
    return ModelVersion("flights", number, f"{number:064x}", Path("store/x"), "2026-01-01T00:00:00+00:00")


def documents(place: Place, pattern: str = "**/*.yaml") -> list[dict[str, Any]]:
    folder = place.state / "deployments" / "flights" / "kubernetes"
    return [item for path in sorted(folder.glob(pattern)) for item in yaml.safe_load_all(path.read_text())]


def target(**keys: Any) -> Kubernetes:
    return Kubernetes(image="registry.example.com/flights", **keys)


def check(document: dict[str, Any]) -> None:
    if document["kind"] == "HTTPRoute":
        jsonschema.validate(document, ROUTES)
    else:
        validate(document, "1.32", strict=True)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"hostnames": ("flights.example.com",), "api_key_secret": "keys", "namespace": "models"},
        {"extra_columns": ("time_hour", 'a "b"')},
        {"autoscaling": Autoscaling(min=3, max=3, cpu=50), "cpu": "2", "memory": "1Gi"},
    ],
)
def test_every_manifest_fits_the_published_schemas(place: Place, keys: dict[str, Any]) -> None:
    made = target(**keys)
    made.release("flights", version(1), StepsStrategy(), place)
    made.release("flights", version(2), StepsStrategy(), place)
    found = documents(place)
    for document in found:
        check(document)
    assert sorted({item["kind"] for item in found}) == ["Deployment", "HTTPRoute", "HorizontalPodAutoscaler", "Service"]


def test_wrong_manifest_does_not_fit(place: Place) -> None:
    target().release("flights", version(1), StepsStrategy(), place)
    route = documents(place, "route.yaml")[0]
    route["spec"]["rules"][0]["backendRefs"][0]["weight"] = "all"
    with pytest.raises(jsonschema.ValidationError, match="'all' is not of type 'integer'"):
        check(route)


def test_first_version_takes_all(place: Place) -> None:
    target().release("flights", version(1), StepsStrategy(), place)
    refs = documents(place, "route.yaml")[0]["spec"]["rules"][0]["backendRefs"]
    assert refs == [{"name": "flights-v1", "port": 80, "weight": 100}]


def test_second_version_takes_over_step_by_step(place: Place) -> None:
    target().release("flights", version(1), StepsStrategy(), place)
    target().release("flights", version(2), StepsStrategy(), place)
    routes = [*documents(place, "route.yaml"), *documents(place, "steps/*.yaml")]
    weights = [[ref["weight"] for ref in route["spec"]["rules"][0]["backendRefs"]] for route in routes]
    assert weights == [[90, 10], [50, 50], [0, 100]]


def test_version_that_is_there_is_left_as_it_is(place: Place) -> None:
    target().release("flights", version(1), StepsStrategy(), place)
    before = documents(place)
    assert target().release("flights", version(1), StepsStrategy(), place).leading is not None
    assert documents(place) == before


def test_rollback_routes_all_to_the_version_before(place: Place) -> None:
    target().release("flights", version(1), StepsStrategy(), place)
    target().release("flights", version(2), StepsStrategy(), place)
    found = target().rollback("flights", place, why="errors")
    assert found.leading is not None
    assert found.leading.version == 1
    refs = documents(place, "route.yaml")[0]["spec"]["rules"][0]["backendRefs"]
    assert [(ref["name"], ref["weight"]) for ref in refs] == [("flights-v1", 100), ("flights-v2", 0)]


def test_rollback_of_an_only_version_is_refused(place: Place) -> None:
    target().release("flights", version(1), StepsStrategy(), place)
    with pytest.raises(ProjectError, match="no version before"):
        target().rollback("flights", place, why="")


def test_bundles_of_both_versions_are_kept_from_clearing(place: Place) -> None:
    target().release("flights", version(1), StepsStrategy(), place)
    target().release("flights", version(2), StepsStrategy(), place)
    assert set(pinned(place.state)) == {version(1).digest, version(2).digest}


def test_unknown_deployment_names_those_that_there_are(place: Place) -> None:
    target().release("flights", version(1), StepsStrategy(), place)
    with pytest.raises(ProjectError, match=r"no deployment 'fligths'(.|\n)*flights"):
        target().status("fligths", place)


def test_api_key_is_a_reference_to_a_secret(place: Place) -> None:
    target(api_key_secret="keys").release("flights", version(1), StepsStrategy(), place)
    container = next(item for item in documents(place) if item["kind"] == "Deployment")["spec"]["template"]["spec"]
    found = container["containers"][0]["env"]
    assert found == [{"name": "MLOPS_API_KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "api-key"}}}]


@pytest.mark.parametrize("name", ["a\nb: c", "x: {y}", "UPPER", "-a", "a; rm -rf /"])
def test_names_that_are_no_names_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="pattern"):
        target(namespace=name)
