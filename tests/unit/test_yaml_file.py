from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlops.yaml_file import MAX_BYTES, parse, read
from mlops.yaml_node import plain_value
from mlops.yaml_tree import MAX_NODES, Builder, Refused

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefg", "bcdefgh", strict=True)
)

texts = st.text().filter(lambda text: isinstance(plain_value(text), str) or not isinstance(yaml.safe_load(text), str))
"""Texts that YAML 1.1, which the writer follows, and 1.2 read alike: not 1e3."""

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
data = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1), inner, max_size=4)
)


@given(st.dictionaries(st.text(min_size=1), data, max_size=5))
def test_what_safe_dump_writes_reads_back_equal(value: dict[str, Any]) -> None:
    file = parse(yaml.safe_dump(value), "f")
    assert (file.faults, file.root.data()) == ((), value)


@given(st.text() | st.text(alphabet="ab:-[]{}&*!|>'\"#%@ \n\t?,.0", max_size=60))
def test_no_text_raises(text: str) -> None:
    file = parse(text, "f")
    assert isinstance(file.root.data(), dict)
    assert not file.broken or file.faults


@given(st.binary(max_size=80))
def test_no_bytes_raise(raw: bytes) -> None:
    file = parse(raw.decode("utf-8", "surrogateescape"), "f")
    assert all(fault.where.startswith("f:") for fault in file.faults)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("-1", -1), ("+1", 1), ("0", 0), ("1_000", 1000), ("0x1F", 31), ("0o17", 15),
        ("012", "012"), ("0o9", "0o9"), ("0x_", "0x_"), ("1__", 1), ("_1", "_1"),
        ("1.5", 1.5), ("1e3", 1000.0), ("1.", 1.0), (".5", 0.5), ("-.5e-2", -0.005), (".", "."), ("e3", "e3"),
        ("1e999", "1e999"), ("1:30", "1:30"), ("2013-01-01", "2013-01-01"), ("1.2.3", "1.2.3"), ("-", "-"),
        ("yes", True), ("off", False), ("y", "y"), ("null", None), ("~", None), ("Null", None), ("nUll", "nUll"),
        (".inf", float("inf")), ("-.inf", float("-inf")), ("9" * 400, int("9" * 400)), ("9" * 401, "9" * 401),
    ],
)  # fmt: skip
def test_plain_scalars_are_read_as_yaml_has_them(text: str, value: object) -> None:
    found = plain_value(text)
    assert (type(found), found) == (type(value), value)


def test_keys_keep_the_word_that_was_written() -> None:
    assert parse("no: 1\n1: 2\n0x1: 3\n'~': 4\n", "f").root.data() == {"no": 1, "1": 2, "0x1": 3, "~": 4}


def test_places_are_those_of_keys_and_items() -> None:
    root = parse("é: 1\na:\n  - b\n  - {c: d}\n", "f").root
    places = {path: str(place) for path, place, _ in root.places()}
    assert places == {
        ("é",): "f:1:1",
        ("a",): "f:2:1",
        ("a", "0"): "f:3:5",
        ("a", "1"): "f:4:5",
        ("a", "1", "c"): "f:4:6",
    }


def test_own_keys_replace_merged_ones_without_a_fault() -> None:
    file = parse("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  x: 3\nc: {x: 4, <<: [*a, {z: 5}]}\n", "f")
    assert file.faults == ()
    assert file.root.data()["b"] == {"x": 3, "y": 2}
    assert file.root.data()["c"] == {"x": 4, "y": 2, "z": 5}


def test_quoted_merge_key_is_an_ordinary_key() -> None:
    assert parse('"<<": 1\n"": 2\n', "f").root.data() == {"<<": 1, "": 2}


def test_every_doubled_key_is_a_fault_with_both_places() -> None:
    file = parse("a:\n  - {b: 1, b: 2}\nc: 1\nc: 2\n", "f")
    assert [(f.key, f.where, f.also) for f in file.faults] == [
        ("a.0.b", "f:2:12", ("f:2:6",)),
        ("c", "f:4:1", ("f:3:1",)),
    ]


def test_bomb_is_refused_after_few_events() -> None:
    builder = Builder("f")

    def build() -> None:
        for event in yaml.parse(BOMB, Loader=yaml.SafeLoader):
            builder.feed(event)

    with pytest.raises(Refused, match="expands to more than 10,000 values"):
        build()
    assert builder.events < 80
    assert builder.nodes < 2 * MAX_NODES
    assert len(BOMB) < 400


def test_merges_that_repeat_count_as_well() -> None:
    keys = ", ".join(f"k{i}: 1" for i in range(500))
    file = parse(f"a: &a {{{keys}}}\nb:\n" + "  - {<<: *a}\n" * 500, "f")
    assert [fault.message for fault in file.faults] == ["expands to more than 10,000 values"]


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("a: *b\n", "f:1:4", "the alias *b has no anchor above it"),
        ("a: &b {c: *b}\n", "f:1:11", "the alias *b has no anchor above it"),
        ("? [a]\n: b\n", "f:1:3", "a key must be a plain word"),
        ("~: 1\n", "f:1:1", "a key must be a plain word"),
        ("a: {<<: 3}\n", "f:1:5", "'<<' merges mappings only"),
        ("a: !!int '3'\n", "f:1:4", "the tag !!int is not allowed"),
        ("a: !x {}\n", "f:1:4", "the tag !x is not allowed"),
        ("a: '\n", "f:1:4", "a quote is opened here and not closed"),
        ("a: {b: [1, 2\n", "f:1:8", "a bracket [ is opened here and not closed"),
        ("a: \x07\n", "f:1:4", "control characters are not allowed"),
        ("a: \ud800\n", "f:1:4", "holds half a character"),
        ("%TAG\n", "f:1:5", "YAML syntax"),
    ],
)
def test_what_is_refused_is_refused_at_its_place(text: str, where: str, message: str) -> None:
    file = parse(text, "f")
    assert file.broken
    assert [fault.where for fault in file.faults] == [where]
    assert message in file.faults[0].message


def test_text_tag_makes_text() -> None:
    assert parse("a: !!str 3\nb: ! 4\n", "f").root.data() == {"a": "3", "b": "4"}


def test_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert parse("\ufeffa: 1\n", "f").root.data() == {"a": 1}


def test_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    assert [fault.message for fault in read(path, "f").faults] == ["larger than 1,000,000 bytes"]


def test_missing_file_is_a_fault(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in read(tmp_path / "x.yaml", "f").faults[0].message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("a: 1")
    path.chmod(0)
    assert "cannot be read: Permission denied" in read(path, "f").faults[0].message


def test_invalid_utf8_is_placed_by_letters_not_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes("a: 1\né: ".encode() + b"\xff\n")
    assert [fault.where for fault in read(path, "f").faults] == ["f:2:4"]
