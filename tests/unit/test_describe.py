from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from mlops.describe import child, field_at, fields, model_in, nested, one_line, type_words


class Inner(BaseModel):
    """Inside."""

    width: Annotated[int, Field(ge=1)] | None = None
    """How wide."""


class Outer(BaseModel):
    """Outside.

    More about it.
    """

    name: Annotated[str, Field(min_length=1, examples=["ann"])]
    """What it is
    called."""

    share: float = Field(default=0.5, gt=0, lt=1, description="Given by hand.")
    inner: Inner = Inner()
    several: tuple[Inner, ...] = ()
    named: dict[str, Inner] = {}
    pair: tuple[int, str] = (1, "a")
    either: Inner | str | None = None


class Derived(Outer):
    extra: int = 0


def test_one_line_is_the_first_of_the_class_itself() -> None:
    assert one_line(Outer) == "Outside."
    assert one_line(Derived) == ""


def test_fields_have_sentences_types_limits_and_defaults() -> None:
    found = {field.name: field for field in fields(Derived)}
    name, share = found["name"], found["share"]
    assert (name.type, name.required, name.limits, name.example) == ("text", True, "at least 1 letters", "ann")
    assert name.description == "What it is called."
    assert (share.limits, share.default, share.description) == ("> 0, < 1", 0.5, "Given by hand.")
    assert found["extra"].description == ""


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("inner.width", "whole number or null"),
        ("several.3.width", "whole number or null"),
        ("named.width.width", "whole number or null"),
        ("either.width", "whole number or null"),
        ("pair.1", "text"),
        ("named.x", "section (Inner)"),
    ],
)
def test_fields_are_found_at_any_depth(path: str, words: str) -> None:
    found = field_at(Outer, tuple(path.split(".")))
    assert found is not None
    assert found.type == words


@pytest.mark.parametrize("path", ["nothing", "inner.nothing", "name.x", "several.x", "pair.2", "nothing.at.all"])
def test_no_field_is_made_up(path: str) -> None:
    assert field_at(Outer, tuple(path.split("."))) is None


def test_limits_inside_unions_are_told() -> None:
    found = field_at(Outer, ("inner", "width"))
    assert found is not None
    assert found.limits == "≥ 1"


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (Literal["a", "b"], "one of a, b"),
        (int | str | None, "whole number or text or null"),
        (list[float], "list of number"),
        (tuple[bool, ...], "list of true or false"),
        (dict[str, Any], "mapping of text to anything"),
        (Annotated[int, Field(ge=1)], "whole number"),
        (date, "date"),
        (list, "list"),
        (Inner, "section (Inner)"),
    ],
)
def test_types_are_said_in_words(annotation: Any, words: str) -> None:
    assert type_words(annotation) == words


def test_model_is_found_inside_lists_or_only_as_itself() -> None:
    assert nested(dict[str, Inner] | None) is Inner
    assert model_in(dict[str, Inner] | None) is None
    assert model_in(Inner | None) is Inner
    assert child(int, "x") is None
