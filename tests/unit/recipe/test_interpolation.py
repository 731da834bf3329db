from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlops.origin import Origins, Setting
from mlops.recipe.interpolation import MAX_TEXT, Resolution, resolve
from mlops.recipe.reference import Environment, Malformed, Reference, pieces
from mlops.yaml_node import Place


def resolved(raw: dict[str, Any], *, unknown: frozenset[tuple[str, ...]] = frozenset()) -> Resolution:
    written = [Setting((key,), Place("f", line, 1), value) for line, (key, value) in enumerate(raw.items(), start=1)]
    return resolve(raw, Origins(written, raw), unknown=unknown)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${a}", 3),
        ("${ a }", 3),
        ("x${a}y${b.c}", "x3yq"),
        ("${b}", {"c": "q", "d": [1, 3]}),
        ("${b.d[1]}", 3),
        ("${b.d.0}", 1),
        ("${b[d][1]}", 3),
        ("${.a}", 3),
        ("${b.${name}}", "q"),
        ("${b.${${which}}}", "q"),
        ("\\${a}", "${a}"),
        ("\\\\${a}", "\\3"),
        ("\\\\\\${a}", "\\${a}"),
        ("a\\b ${a}", "a\\b 3"),
        ("$a {a} $", "$a {a} $"),
        ("${none} ${flag}", "None True"),
    ],
)
def test_references_give_what_omegaconf_gives(text: str, value: object) -> None:
    raw = {"a": 3, "b": {"c": "q", "d": [1, "${a}"]}, "name": "c", "which": "name", "none": None, "flag": True}
    found = resolved({**raw, "x": text})
    assert (found.faults, found.values["x"]) == ([], value)
    assert OmegaConf.to_container(OmegaConf.create({**raw, "x": text}), resolve=True)["x"] == value  # type: ignore[index,call-overload] # a mapping


@settings(max_examples=200)
@given(st.text(alphabet="ab.${}[]\\ :1", max_size=12))
def test_where_omegaconf_resolves_a_reference_so_do_we(text: str) -> None:
    raw = {"a": 3, "b": {"a": "q", "b": [1, 2]}, "x": text}
    found = resolved(raw)
    try:
        expected = OmegaConf.create({**raw}).x
    except (OmegaConfBaseException, RecursionError, AssertionError):
        return
    if found.faults or ":" in text or text.endswith("\\"):
        return  # we refuse more than OmegaConf does
    assert found.values["x"] == expected


def test_relative_references_count_from_where_they_stand() -> None:
    found = resolved({"a": {"b": {"x": "${.y}", "y": 1, "up": "${..z}"}, "z": 2, "list": ["${..z}"]}})
    assert found.values["a"] == {"b": {"x": 1, "y": 1, "up": 2}, "z": 2, "list": [2]}


def test_variables_stay_references(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "hunter22")
    found = resolved({"a": "${oc.env:KEY}", "b": "u:${a}@h", "c": "${ oc.env : KEY , x }", "d": {"e": "${b}"}})
    assert found.secrets == {"KEY": "hunter22"}
    assert found.values == {
        "a": "${oc.env:KEY}",
        "b": "u:${oc.env:KEY}@h",
        "c": "${oc.env:KEY}",
        "d": {"e": "u:${oc.env:KEY}@h"},
    }


@pytest.mark.parametrize(
    ("default", "value"), [("3", 3), ("a b", "a b"), ("'3'", "3"), ('"a, b"', "a, b"), ("null", None), ("", None)]
)
def test_default_stands_for_a_variable_that_is_not_set(default: str, value: object) -> None:
    assert resolved({"a": f"${{oc.env:NOT_SET_HERE,{default}}}"}).values == {"a": value}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${oc.env:KEY,${b}}", "holds one name and perhaps a plain default"),
        ("${oc.env:${b}}", "holds one name and perhaps a plain default"),
        ("${oc.env:key}", "'key' is not an allowed name"),
        ("${oc.env:}", "'' is not an allowed name"),
        ("${oc.${b}:KEY}", "the resolver in"),
        ("${${b}:KEY}", "the resolver in"),
        ("${oc.decode:x}", "the resolver 'oc.decode' is not allowed"),
        ("${:x}", "is not allowed"),
        ("${now:%Y}", "the resolver 'now' is not allowed"),
        ("${hydra:job.name}", "the resolver 'hydra' is not allowed"),
        ("${b.${oc.env:KEY}}", "the name of a key cannot come from the environment"),
        ("${b", "is not closed"),
        ("${}", "'' is not the name of a key"),
        ("${a b}", "'a b' is not the name of a key"),
        ("${....a}", "which is not set"),
        ("t ${sec}", "puts a whole section into a text"),
        ("${" * 30, "nested deeper than 10"),
    ],
)
def test_everything_else_is_refused(monkeypatch: pytest.MonkeyPatch, text: str, message: str) -> None:
    monkeypatch.setenv("KEY", "hunter22")
    found = resolved({"x": text, "b": "b", "sec": {"a": 1}})
    assert [message in fault.message for fault in found.faults] == [True], found.faults
    assert found.values["x"] is None
    assert found.holes == {("x",)}
    assert "hunter22" not in str(found.values)


def test_escaped_variable_is_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "hunter22")
    found = resolved({"x": "\\${oc.env:KEY}"})
    assert (found.values, found.secrets) == ({"x": "${oc.env:KEY}"}, {})


def test_one_mistake_is_told_once_however_often_it_is_referred_to() -> None:
    found = resolved({"a": "${b}", "b": "${c}", "c": "${nope}", "d": {"e": "${c}"}, "f": "${d}", "g": "${c}/x"})
    assert [(fault.key, fault.where) for fault in found.faults] == [("c", "f:3:1")]
    assert {("a",), ("b",), ("c",), ("d", "e"), ("f", "e"), ("g",)} <= found.holes


def test_circle_is_told_once() -> None:
    found = resolved({"a": "${b}", "b": {"c": "${d}"}, "d": "x${a}"})
    assert [fault.message for fault in found.faults] == ["refers to itself in a circle: a → b.c → d → a"]


def test_reference_into_what_could_not_be_read_is_not_blamed() -> None:
    found = resolved({"a": "${model.lr}"}, unknown=frozenset({("model",)}))
    assert (found.faults, found.holes) == ([], {("a",)})


def test_reference_to_an_open_value_is_not_blamed() -> None:
    found = resolved({"a": "${b}", "b": "???"})
    assert (found.faults, found.holes) == ([], {("a",)})


def test_sections_that_explode_are_refused() -> None:
    raw: dict[str, Any] = {f"s{i}": dict.fromkeys("abcdefgh", f"${{s{i + 1}}}") for i in range(12)}
    found = resolved({**raw, "s12": {"a": 1}})
    assert [fault.message for fault in found.faults] == ["references expand to more than 50,000 values"]


def test_texts_that_explode_are_refused() -> None:
    found = resolved({**{f"t{i}": f"${{t{i + 1}}}${{t{i + 1}}}" for i in range(40)}, "t40": "0123456789"})
    assert [f"more than {MAX_TEXT:,} letters" in fault.message for fault in found.faults] == [True]


def test_long_chain_of_references_ends() -> None:
    found = resolved({**{f"k{i}": f"${{k{i + 1}}}" for i in range(300)}, "k300": 1})
    assert all("more than 60 keys" in fault.message for fault in found.faults)
    assert 1 <= len(found.faults) <= 5


def test_used_are_the_first_keys_of_references() -> None:
    assert resolved({"a": "${b.c}-${d[0]}", "e": "${.f}", "b": {"c": 1}, "d": [2], "f": 3}).used == {"b", "d"}


def test_pieces_of_a_text() -> None:
    assert pieces("a ${b.${c}} ${oc.env:D,'e'}") == (
        "a ",
        Reference(("b.", Reference(("c",)))),
        " ",
        Environment("D", "e", quoted=True),
    )


@given(st.text(alphabet="ab${}\\:,'\" .[]", max_size=30))
def test_every_text_is_taken_apart_or_refused(text: str) -> None:
    with contextlib.suppress(Malformed):
        assert isinstance(pieces(text), tuple)
