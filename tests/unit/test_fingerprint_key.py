from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mlops.fingerprint.key import Ingredients, differences

UNHURRIED = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
PARAMETERS = st.dictionaries(st.text(max_size=4), VALUES, max_size=4)
DIGESTS = st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=3)
INGREDIENTS = st.builds(
    Ingredients,
    target=st.text(max_size=5),
    code=DIGESTS,
    libraries=DIGESTS,
    parameters=PARAMETERS,
    seed=st.none() | st.integers(),
    inputs=DIGESTS,
    sources=DIGESTS,
)

TRAIN = Ingredients(
    target="mlops_train.train.Train",
    code={"plugins/mlops_train/train.py": "c1", "plugins/mlops_train/encode.py": "c2"},
    libraries={"lightgbm": "4.6.0"},
    parameters={"lr": 0.01, "model": {"leaves": 31, "name": "gbm"}, "columns": ["a", "b"]},
    seed=1,
    inputs={"table": "t1"},
    sources={"recipes/data/flights.parquet": "s1"},
)


def backwards(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return [backwards(item) for item in value] if isinstance(value, list) else value


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    inner = [leaf for key, item in pairs for leaf in leaves(item, (*path, key))]
    return inner or [path]


def with_leaf(value: Any, path: tuple[Any, ...], leaf: Any) -> Any:
    if not path:
        return leaf
    copy = value.copy()
    copy[path[0]] = with_leaf(value[path[0]], path[1:], leaf)
    return copy


@UNHURRIED
@given(INGREDIENTS)
def test_the_key_is_the_same_whatever_the_order(made: Ingredients) -> None:
    turned = Ingredients(**{name: backwards(value) for name, value in vars(made).items()})
    assert turned.key() == made.key()


@UNHURRIED
@given(st.data(), PARAMETERS, LEAVES)
def test_the_key_changes_with_any_leaf(data: st.DataObject, parameters: dict[str, Any], leaf: Any) -> None:
    assume(parameters)
    path = data.draw(st.sampled_from(leaves(parameters)))
    changed = with_leaf(parameters, path, leaf)
    assume(json.dumps(changed, sort_keys=True) != json.dumps(parameters, sort_keys=True))
    assert Ingredients("t", parameters=changed).key() != Ingredients("t", parameters=parameters).key()


@UNHURRIED
@given(INGREDIENTS)
def test_ingredients_survive_the_trip_through_strict_json(made: Ingredients) -> None:
    text = json.dumps(made.to_json(), allow_nan=False)
    assert Ingredients.from_json(json.loads(text)).key() == made.key()


@UNHURRIED
@given(INGREDIENTS, INGREDIENTS)
def test_there_is_a_reason_exactly_when_the_keys_differ(old: Ingredients, new: Ingredients) -> None:
    assert bool(differences(old, new)) == (old.key() != new.key())


@UNHURRIED
@given(INGREDIENTS)
def test_equal_ingredients_differ_in_nothing(made: Ingredients) -> None:
    assert differences(made, Ingredients.from_json(made.to_json())) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (1, 1.0),
        (0, False),
        (0.0, -0.0),
        ("1", 1),
        (None, "null"),
        (float("nan"), "nan"),
        ([], {}),
        ([1], [[1]]),
    ],
)
def test_values_that_python_or_json_confuse_give_different_keys(one: Any, other: Any) -> None:
    keys = {Ingredients("t", parameters={"x": value}).key() for value in (one, other)}
    assert len(keys) == 2


def test_not_a_number_gives_one_key() -> None:
    keys = {Ingredients("t", parameters={"x": float(text)}).key() for text in ("nan", "-nan")}
    assert len(keys) == 1


def test_the_same_words_in_another_place_give_another_key() -> None:
    assert Ingredients("t", inputs={"a": "1"}).key() != Ingredients("t", sources={"a": "1"}).key()


def test_a_tuple_is_a_list() -> None:
    assert Ingredients("t", parameters={"x": (1, 2)}).key() == Ingredients("t", parameters={"x": [1, 2]}).key()


def test_keys_that_are_not_text_are_refused() -> None:
    with pytest.raises(TypeError, match="must be text, not 1"):
        Ingredients("t", parameters={"x": {1: 2}}).key()


def test_a_value_that_is_not_json_is_refused() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        Ingredients("t", parameters={"x": {1, 2}}).key()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"target": "mine.Train"}, "target mlops_train.train.Train → mine.Train"),
        ({"code": {**TRAIN.code, "plugins/mlops_train/encode.py": "c3"}}, "plugins/mlops_train/encode.py changed"),
        ({"code": {**TRAIN.code, "plugins/mlops_train/new.py": "c3"}}, "plugins/mlops_train/new.py added"),
        ({"code": {"plugins/mlops_train/train.py": "c1"}}, "plugins/mlops_train/encode.py removed"),
        ({"libraries": {"lightgbm": "4.7.0"}}, "lightgbm 4.6.0 → 4.7.0"),
        ({"libraries": {}}, "lightgbm 4.6.0 → not used"),
        ({"libraries": {"lightgbm": "4.6.0", "onnx": "1.2"}}, "onnx not used → 1.2"),
        ({"seed": 2}, "seed 1 → 2"),
        ({"seed": None}, "seed 1 → none"),
        ({"inputs": {"table": "t2"}}, "input table changed"),
        ({"inputs": {"table": "t1", "splits": "s"}}, "input splits added"),
        ({"sources": {"recipes/data/flights.parquet": "s2"}}, "recipes/data/flights.parquet changed"),
        ({"parameters": {**TRAIN.parameters, "lr": 0.02}}, "train.lr 0.01 → 0.02"),
        ({"parameters": {**TRAIN.parameters, "model": {"leaves": 63, "name": "gbm"}}}, "train.model.leaves 31 → 63"),
        ({"parameters": {**TRAIN.parameters, "rounds": 9}}, "train.rounds added: 9"),
        ({"parameters": {**TRAIN.parameters, "columns": ["b", "a"]}}, "train.columns [a, b] → [b, a]"),
        ({"parameters": {"lr": 0.01, "model": TRAIN.parameters["model"]}}, "train.columns removed (was [a, b])"),
    ],
)
def test_each_change_has_its_reason(change: dict[str, Any], reason: str) -> None:
    assert differences(TRAIN, replace(TRAIN, **change), section="train") == [reason]


def test_the_place_that_set_a_parameter_is_told_where_it_is_known() -> None:
    new = replace(TRAIN, parameters={**TRAIN.parameters, "lr": 0.02, "rounds": 9})
    places = {"train.lr": "command line"}
    reasons = differences(TRAIN, new, section="train", origin=lambda path: places.get(path, ""))
    assert reasons == ["train.lr 0.01 → 0.02 (command line)", "train.rounds added: 9"]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("a", "b", "x a → b"),
        ("a", "true", 'x a → "true"'),
        (1, "1", 'x 1 → "1"'),
        (None, "", 'x null → ""'),
        ({"a": 1}, 2, "x {a: 1} → 2"),
        (2, {"a": {"b": 1}}, "x 2 → {a.b: 1}"),
        ([{"max": 5}, {"max": 1}], [{"max": 6}, {"max": 1}], "x[0].max 5 → 6"),
        ([{"max": 5}], [{"max": 5}, {"max": 6}], "x[1].max added: 6"),
        ({"a.b": 1}, {"a.b": 2}, 'x."a.b" 1 → 2'),
        ("y" * 80, "y" * 79 + "z", "x changed from character 80 on"),
        (
            [f"column_{n}" for n in range(20)],
            [f"column_{n}" for n in range(1, 21)],
            "x added [column_20], removed [column_0]",
        ),
        ([f"column_{n}" for n in range(20)], [f"column_{n}" for n in reversed(range(20))], "x in another order"),
    ],
)
def test_values_are_told_apart_briefly(old: Any, new: Any, reason: str) -> None:
    before, after = (Ingredients("t", parameters={"x": value}) for value in (old, new))
    assert differences(before, after) == [reason]
