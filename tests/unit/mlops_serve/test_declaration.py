"""Revisions of a deployment."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.services.target import Served
from mlops_serve.declaration import Declaration, Rollout
from mlops_serve.rolling import begin
from mlops_serve.strategies import Canary, Shadow

EMPTY = Declaration("toy", 0, "steady", (), {}, {})


def served(version: int, **given: Any) -> Served:
    return replace(Served("toy", version, f"digest{version}", f"bundle{version}"), **given)


def rolling(kind: str = "canary") -> Declaration:
    strategy = Canary() if kind == "canary" else Shadow()
    rollout = Rollout(kind, strategy.model_dump(mode="json"), "digest2", step=0, began=0.0)
    both = (served(2, share=0.0, shadow=kind == "shadow"), served(1))
    return begin(replace(EMPTY.given_all(served(1), "first"), served=both, rollout=rollout), at=5.0)


def test_the_first_version_leads() -> None:
    made = EMPTY.given_all(served(1), "first")
    assert (made.leading, made.led, made.revision) == (served(1), (), 1)


def test_who_led_before_is_remembered_in_order() -> None:
    made = EMPTY.given_all(served(1), "").given_all(served(2), "").given_all(served(3), "")
    assert [item.version for item in made.led] == [1, 2]
    assert [line["revision"] for line in made.history] == [1, 2, 3]


def test_giving_all_to_the_one_that_leads_forgets_nobody() -> None:
    made = EMPTY.given_all(served(1), "").given_all(served(2), "").given_all(served(2), "")
    assert [item.version for item in made.led] == [1]


def test_a_canary_begins_with_its_first_share() -> None:
    made = rolling()
    assert [(item.version, item.share) for item in made.served] == [(2, 0.05), (1, 0.95)]
    assert (made.phase, made.note) == ("rolling", "version 2 takes 5% (step 1 of 3)")
    assert made.rollout is not None
    assert made.rollout.began == 5.0


def test_a_shadow_begins_with_none() -> None:
    made = rolling("shadow")
    assert [(item.version, item.share, item.shadow) for item in made.served] == [(2, 0.0, True), (1, 1.0, False)]


def test_the_version_that_is_tried_never_leads() -> None:
    made = replace(rolling(), served=(served(2, share=0.9), served(1, share=0.1)))
    assert made.leading is not None
    assert made.leading.version == 1


@given(st.floats(0.01, 0.99))
def test_shares_add_up(share: float) -> None:
    before = rolling()
    assert before.rollout is not None
    made = before.shared(share, "", before.rollout)
    assert sum(item.share for item in made.served) == pytest.approx(1.0)


@pytest.mark.parametrize("declaration", [EMPTY.given_all(served(1), "first"), rolling(), rolling("shadow")])
def test_a_declaration_is_read_as_it_was_written(declaration: Declaration) -> None:
    assert Declaration.from_json(json.loads(json.dumps(declaration.to_json()))) == declaration


def test_history_and_memory_have_an_end() -> None:
    made = EMPTY
    for number in range(300):
        made = made.given_all(served(number), "again")
    assert (len(made.history), len(made.led)) == (200, 20)
