from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlops.errors import Fault
from mlops.origin import Origins, Setting, in_order, key_path
from mlops.yaml_node import Place

RAW = {
    "lr": 1,
    "model": {"lr": "${lr}", "deep": [{"x": 1}]},
    "train": {"model": "${model}", "first": "${model.deep[0]}", "near": {"up": "${..model}"}},
    "loop": "${loop}",
}


def origins() -> Origins:
    settings = [
        Setting(("lr",), Place("a", 1, 1), 0),
        Setting(("lr",), Place("b", 1, 1), 1),
        Setting(("model",), Place("a", 2, 1), {"lr": "${lr}"}),
        Setting(("model", "lr"), Place("a", 3, 3), "${lr}"),
        Setting(("train",), Place("a", 5, 1), {}),
        Setting(("train", "model"), Place("a", 6, 3), "${model}"),
    ]
    return Origins(settings, RAW, home=Place("r", 1, 1))


def test_references_to_sections_are_followed() -> None:
    found = origins()
    assert found.follow(("train", "model", "lr")) == ("model", "lr")
    assert found.follow(("train", "first", "x")) == ("model", "deep", "0", "x")
    assert found.follow(("train", "near", "up", "lr")) == ("model", "lr")
    assert found.follow(("train", "model")) == ("train", "model")


def test_reference_in_a_circle_ends() -> None:
    assert origins().follow(("loop", "x")) == ("loop", "x")


def test_place_is_the_last_setting_or_that_of_the_nearest_key_above() -> None:
    found = origins()
    assert str(found.place(("lr",))) == "b:1:1"
    assert str(found.place(("train", "model", "lr"))) == "a:3:3"
    assert str(found.place(("model", "deep", "0"))) == "a:2:1"
    assert str(found.place(("nowhere",))) == "r:1:1"


def test_section_replaced_later_takes_its_keys_with_it() -> None:
    settings = [
        Setting(("a", "b"), Place("f", 1, 1), 1),
        Setting(("a",), Place("f", 2, 1), None),
    ]
    assert str(Origins(settings, {"a": None}).place(("a", "b"))) == "f:2:1"


def test_also_names_earlier_settings_and_what_is_referred_to() -> None:
    found = origins()
    assert found.also(("lr",)) == ("a:1:1",)
    assert found.also(("model", "lr")) == ("b:1:1",)
    assert found.also(("model", "lr"), referred=False) == ()


def test_faults_are_ordered_by_place() -> None:
    places = ["the command line", "override 10 on the command line", "override 9 on the command line", "mlops:c:1:1"]
    places += ["b.yaml:1:1", "a.yaml:10:1", "a.yaml:9:2", "a.yaml:9:1", "a.yaml"]
    assert [f.where for f in in_order([Fault("k", where, "m") for where in places])] == list(reversed(places))


def test_repeated_faults_are_told_once() -> None:
    assert len(in_order([Fault("k", "a:1:1", "m")] * 2)) == 1


@given(st.lists(st.text(alphabet="abc_", min_size=1), min_size=1))
def test_key_paths_read_back(parts: list[str]) -> None:
    assert key_path(".".join(parts)) == tuple(parts)
    assert key_path(parts[0] + "".join(f"[{part}]" for part in parts[1:])) == tuple(parts)
