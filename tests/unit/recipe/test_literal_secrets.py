"""Secrets that a recipe holds itself are refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from mlops.recipe.literal_secrets import literal_secrets
from tests.conftest import Files

GOOD = """
stages: [make]
make: {_target_: toy.Make, rows: 5}
target: {_target_: mlops_serve.local.Local}
"""


class Hook(BaseModel):
    """Has a secret."""

    url: SecretStr | None = None
    name: str = ""


class Outer(BaseModel):
    """Has parts with secrets."""

    hooks: tuple[Hook, ...] = ()
    keys: dict[str, SecretStr] = {}


def found(given: dict[str, Any], model: type[BaseModel] = Hook) -> list[str]:
    """Name the keys that hold a secret."""
    return [".".join(path) for path, _ in literal_secrets(given, model.model_validate(given))]


@pytest.mark.parametrize(
    "url", [None, "", "${oc.env:HOOK}", "https://there/${oc.env:TOKEN}", "https://${oc.env:ME}:${oc.env:PW}@there"]
)
def test_references_and_nothing_are_no_literals(url: str | None) -> None:
    assert found({"url": url}) == []


def test_a_secret_that_is_written_out_is_found_at_any_depth() -> None:
    given = {"hooks": [{"url": "${oc.env:A}"}, {"url": "https://there/s3cret"}], "keys": {"b": "s3cret"}}
    assert found(given, Outer) == ["hooks.1.url", "keys.b"]


@pytest.mark.parametrize(
    ("address", "holds"),
    [
        ("http://me:s3cret@there:5000", True),
        ("postgresql+psycopg://me:s3cret@there/base", True),
        ("http://${oc.env:ME}:s3cret@there", True),
        ("http://me:${oc.env:PW}x@there", True),
        ("http://me@there:5000", False),
        ("http://${oc.env:ME}@there", False),
        ("http://there:5000/a@b", False),
        ("s3://bucket/2024:a@b.csv", False),
        ("sqlite:///a.db", False),
    ],
)
def test_an_address_with_a_password_is_found_in_any_key(address: str, *, holds: bool) -> None:
    assert found({"name": address}) == (["name"] if holds else [])


def test_a_recipe_with_a_secret_is_refused_with_the_reference_to_write(project: Files) -> None:
    faults = project.check(GOOD, "target.api_key=a-key-that-is-long-enough")
    assert [(fault.key, fault.where) for fault in faults] == [("target.api_key", "override 2 on the command line")]
    assert "${oc.env:TARGET_API_KEY}" in faults[0].fix
    assert "a-key-that-is-long-enough" not in str(faults[0])


def test_a_password_in_a_tracker_s_address_is_refused_without_being_shown(project: Files) -> None:
    faults = project.check(
        f"{GOOD}tracker: {{_target_: mlops_mlflow.tracker.Mlflow, uri: 'http://me:s3cret@there'}}\n"
        "registry: {_target_: mlops_mlflow.registry.MLflow, uri: 'http://me:s3cret@there'}\n"
    )
    assert [fault.key for fault in faults] == ["tracker.uri", "registry.uri"]
    assert "s3cret" not in "".join(str(fault) for fault in faults)


def test_a_recipe_with_references_is_right(project: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "a-key-that-is-long-enough")
    assert project.check(GOOD, "target.api_key=${oc.env:KEY}") == []
