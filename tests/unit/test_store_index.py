from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.errors import StoreError
from mlops.store import Entry, OutputRef, Store

KEY = "ab" * 32
DIGEST = "cd" * 32
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def make_entry(**changes: Any) -> Entry:
    values: dict[str, Any] = {
        "key": KEY,
        "stage": "train",
        "target": "mlops_train.train.Train",
        "outputs": (OutputRef("model", "model", DIGEST),),
        "run": "20250101-000000-aa",
        "seconds": 1.5,
        "peak_memory": 1024,
        "metrics": {"auc": 0.75},
        "ingredients": {"parameters": {"lr": 0.1}, "inputs": ["x"]},
    }
    return Entry(**(values | changes))


def test_an_unknown_key_has_no_entry_and_looking_makes_nothing(store: Store) -> None:
    assert store.find(KEY) is None
    assert not store.root.exists()


def test_an_entry_is_found_as_it_was_put(store: Store) -> None:
    store.put(make_entry())
    assert store.find(KEY) == make_entry()


def test_a_later_entry_of_a_key_replaces_the_earlier(store: Store) -> None:
    store.put(make_entry(run="first"))
    store.put(make_entry(run="second"))
    assert store.find(KEY) == make_entry(run="second")


def test_metrics_that_are_not_finite_survive_and_the_file_is_standard_json(store: Store) -> None:
    store.put(make_entry(metrics={"a": math.nan, "b": -math.inf}))
    found = store.find(KEY)
    assert found is not None
    assert math.isnan(found.metrics["a"])
    assert found.metrics["b"] == -math.inf
    json.loads(store.layout.entry(KEY).read_text(), parse_constant=pytest.fail)


def test_texts_that_are_no_unicode_survive(store: Store) -> None:
    entry = make_entry(ingredients={"file": "caf\udce9.csv"})
    store.put(entry)
    assert store.find(KEY) == entry


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\x00" * 4096,
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b"1" * 5000,
        json.dumps(make_entry(key="ef" * 32).to_json()).encode(),
        json.dumps(make_entry().to_json() | {"outputs": {}}).encode(),
        json.dumps(make_entry().to_json() | {"outputs": [{"name": "a", "format": "b", "digest": "../.."}]}).encode(),
        json.dumps(make_entry().to_json() | {"seconds": 10**400}).encode(),
        json.dumps(make_entry().to_json() | {"peak_memory": math.inf}).encode(),
        json.dumps(make_entry().to_json() | {"metrics": {"auc": []}}).encode(),
    ],
)
def test_a_torn_or_alien_entry_counts_as_none_and_is_moved_aside(store: Store, content: bytes) -> None:
    store.put(make_entry())
    store.layout.entry(KEY).write_bytes(content)
    assert store.find(KEY) is None
    assert not store.layout.entry(KEY).exists()
    (moved,) = store.layout.damaged.iterdir()
    assert moved.read_bytes() == content


def test_after_a_torn_entry_the_key_can_be_put_again(store: Store) -> None:
    store.put(make_entry())
    store.layout.entry(KEY).write_bytes(b"{")
    assert store.find(KEY) is None
    store.put(make_entry())
    assert store.find(KEY) == make_entry()


def test_a_folder_in_an_entrys_place_counts_as_none(store: Store) -> None:
    store.layout.entry(KEY).mkdir(parents=True)
    assert store.find(KEY) is None
    store.put(make_entry())
    assert store.find(KEY) == make_entry()


@settings(deadline=None)
@given(value=VALUES, name=st.sampled_from([*make_entry().to_json(), ""]))
def test_reading_alien_values_raises_value_error_only(value: Any, name: str) -> None:
    alien = make_entry().to_json() | {name: value} if name else value
    try:
        entry = Entry.from_json(json.loads(json.dumps(alien)))
    except ValueError:
        return
    assert isinstance(entry, Entry)


@settings(deadline=None, max_examples=40)
@given(
    metrics=st.dictionaries(st.text(), st.floats(allow_nan=False)),
    ingredients=st.dictionaries(st.text(), st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=5)),
)
def test_put_then_find_is_a_round_trip(metrics: dict[str, float], ingredients: dict[str, Any]) -> None:
    entry = make_entry(metrics=metrics, ingredients=ingredients)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        store.put(entry)
        assert store.find(KEY) == entry


@pytest.mark.parametrize("key", ["", "a", "../x", "a/b", "ab\n", ".hidden"])
def test_a_text_that_is_no_key_never_becomes_a_path(store: Store, key: str) -> None:
    with pytest.raises(StoreError, match="is not the key of a stage"):
        store.find(key)


def test_the_latest_note_of_a_stage_is_given_back(store: Store) -> None:
    assert store.latest("flights", "train") is None
    store.set_latest("flights", "train", {"lr": 0.1})
    store.set_latest("flights", "train", {"lr": 0.2})
    assert store.latest("flights", "train") == {"lr": 0.2}


@pytest.mark.parametrize("recipe", ["../../outside", "a/b", "..", "", "a@b", "ü\n"])
def test_notes_of_odd_names_stay_apart_and_in_their_folder(store: Store, recipe: str) -> None:
    store.set_latest(recipe, "train", {"recipe": recipe})
    store.set_latest("a", "b@train", {"recipe": "other"})
    assert store.latest(recipe, "train") == {"recipe": recipe}
    assert all(path.parent == store.layout.latest for path in store.root.rglob("*") if path.is_file())


@pytest.mark.parametrize("torn", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_torn_note_counts_as_none(store: Store, torn: bytes) -> None:
    store.set_latest("flights", "train", {})
    store.layout.latest_hint("flights", "train").write_bytes(torn)
    assert store.latest("flights", "train") is None


def test_a_note_that_cannot_be_written_is_no_error(store: Store) -> None:
    store.root.parent.mkdir(exist_ok=True)
    store.root.write_bytes(b"a file is in the way")
    store.set_latest("flights", "train", {})
    assert store.latest("flights", "train") is None
