from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from mlops.origin import Origins, Setting
from mlops.recipe.coercions import coercions
from mlops.recipe.complaints import Subject, complaints
from mlops.recipe.wording import shown
from mlops.yaml_node import Place


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    depth: Annotated[int, Field(ge=1)] = 1
    """How deep."""

    colour: Literal["red", "green"] = "red"


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = "a"
    """What it is called."""

    share: Annotated[float, Strict(), Field(gt=0, lt=1)] = 0.5
    inner: Inner = Inner()
    named: dict[str, Inner] = {}
    listed: tuple[Inner, ...] = ()
    either: Inner | Annotated[int, Strict()] | None = None
    mixed: Annotated[int, Strict()] | bool | str = 1
    pair: tuple[int, ...] = Field(default=(1,), min_length=1)
    even: int = 2

    @field_validator("even")
    @classmethod
    def _is_even(cls, value: int) -> int:
        if value % 2:
            raise PydanticCustomError("odd", "{value} is odd", {"value": value, "fix": "add one"})
        return value


def told(values: dict[str, Any]) -> list[tuple[str, str, str]]:
    origins = Origins([Setting(("s",), Place("f", 1, 1), values)], {"s": values})
    subject = Subject(("s",), values, Outer, origins, lambda target: None, ("timeout",))
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(values)
    return [(c.fault.key, c.fault.message, c.fault.fix) for c in complaints(caught.value, subject)]


@pytest.mark.parametrize(
    ("values", "key", "message", "fix"),
    [
        ({"nam": 1}, "s.nam", "unknown key", "did you mean 'name'?"),
        ({"timeot": 1}, "s.timeot", "unknown key", "did you mean 'timeout'?"),
        ({"inner": {"timeout": 1}}, "s.inner.timeout", "unknown key", "allowed are depth, colour"),
        ({"named": {"inner": {"dept": 1}}}, "s.named.inner.dept", "unknown key", "did you mean 'depth'?"),
        ({"listed": [{}, {"dept": 1}]}, "s.listed.1.dept", "unknown key", "did you mean 'depth'?"),
        ({"either": {"dept": 1}}, "s.either.dept", "unknown key", "did you mean 'depth'?"),
        ({"name": 1.5}, "s.name", "must be text, not 1.5", "quote it: '1.5'"),
        ({"name": None}, "s.name", "must be text, not null", "allowed: text – What it is called."),
        ({"share": "0.5"}, "s.share", "must be a number, not '0.5'", "write 0.5 without quotes"),
        ({"even": 3}, "s.even", "3 is odd", "add one"),
        ({"share": 1}, "s.share", "must be less than 1, not 1", "allowed: number, > 0, < 1"),
        ({"inner": {"depth": 0}}, "s.inner.depth", "must be at least 1, not 0", "allowed: whole number, ≥ 1 – How"),
        ({"inner": []}, "s.inner", "must be a mapping of keys to values, not []", "write its keys below it: depth"),
        ({"inner": {"colour": "gren"}}, "s.inner.colour", "must be one of 'red', 'green', not 'gren'", "did you mean"),
        ({"mixed": [1]}, "s.mixed", "must be a whole number or true or false or text, not [1]", ""),
        ({"pair": []}, "s.pair", "needs at least 1 item(s), not []", "allowed: list of whole number, at least 1 items"),
        ({"pair": [1, "x"]}, "s.pair.1", "must be a whole number, not 'x'", "allowed: whole number"),
        ({"share": "${oc.env:S}"}, "s.share", "must be a number, not '${oc.env:S}'", "an environment variable"),
    ],
)  # fmt: skip
def test_error_is_told_in_words(values: dict[str, Any], key: str, message: str, fix: str) -> None:
    ((found_key, found_message, found_fix),) = told(values)
    assert (found_key, found_message) == (key, message)
    assert found_fix.startswith(fix)


def test_every_mistake_is_told_once() -> None:
    found = told({"nam": 1, "share": 2, "inner": {"depth": "x", "colour": 3}, "listed": [1], "either": "x"})
    assert [key for key, _, _ in found] == sorted({key for key, _, _ in found}, key=[key for key, _, _ in found].index)
    assert {key for key, _, _ in found} == {
        "s.nam", "s.share", "s.inner.depth", "s.inner.colour", "s.listed.0", "s.either",
    }  # fmt: skip


def test_misspelt_required_key_is_one_mistake() -> None:
    class Needs(BaseModel):
        model_config = ConfigDict(extra="forbid")
        rows: int

    values = {"rowz": 3}
    subject = Subject(("s",), values, Needs, Origins([], {}), lambda target: None)
    with pytest.raises(ValidationError) as caught:
        Needs.model_validate(values)
    assert [c.kind for c in complaints(caught.value, subject)] == ["extra_forbidden"]


class Lax(BaseModel):
    whole: int = 0
    number: float = 0.0
    flag: bool = False
    text: str = ""
    deep: dict[str, list[int]] = {}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"whole": "3"}, [(("whole",), "int")]),
        ({"whole": True}, [(("whole",), "int")]),
        ({"whole": 3.0}, [(("whole",), "int")]),
        ({"number": "1e3"}, [(("number",), "float")]),
        ({"number": 3}, []),
        ({"flag": "yes"}, [(("flag",), "bool")]),
        ({"flag": 1}, [(("flag",), "bool")]),
        ({"deep": {"a": [1, "2"]}}, [(("deep", "a", "1"), "int")]),
        ({"whole": 3, "number": 1.5, "flag": True, "text": "x"}, []),
    ],
)
def test_values_turned_into_another_type_are_found(given: dict[str, Any], found: list[Any]) -> None:
    assert list(coercions(given, Lax.model_validate(given))) == found


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"), (True, "true"), ("a", "'a'"), ([1, {"a": None}], '[1, {"a": null}]'),
        (float("inf"), ".inf"), (float("-inf"), "-.inf"), (float("nan"), ".nan"), ("x" * 100, "'" + "x" * 58 + "…"),
    ],
)  # fmt: skip
def test_values_are_shown_as_yaml_has_them(value: object, text: str) -> None:
    assert shown(value) == text
