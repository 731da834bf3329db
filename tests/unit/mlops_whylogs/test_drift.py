from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from mlops.services.monitor import Finding
from mlops_whylogs.drift import compare
from mlops_whylogs.floors import Floors
from mlops_whylogs.profile import Profile
from mlops_whylogs.reference import column_facts
from mlops_whylogs.sketching import profiled, read

OPTIONS = Profile()


def people(rows: int, seed: int, *, shift: float = 0.0) -> pl.DataFrame:
    chance = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "age": chance.normal(40 + shift * 10, 10, rows),
            "children": chance.poisson(1.2, rows),
            "city": chance.choice(["Rome", "Oslo", "Bonn"], rows, p=[0.5, 0.3, 0.2]),
            "_answer_score": chance.random(rows),
        }
    )


def facts(frame: pl.DataFrame) -> dict[str, Any]:
    columns = [{"name": n, **column_facts(frame[n], OPTIONS)} for n in frame.columns if not n.startswith("_")]
    return {"columns": columns, "predictions": [{"name": "score", **column_facts(frame["_answer_score"], OPTIONS)}]}


def found(reference: pl.DataFrame, window: pl.DataFrame, level: float = 0.001) -> tuple[Finding, ...]:
    return compare(facts(reference), read(profiled(window)), Floors(), level=level)


def alarms(reference: pl.DataFrame, window: pl.DataFrame) -> set[tuple[str, str]]:
    return {(item.kind, item.what) for item in found(reference, window) if item.alarm}


def test_same_distribution_raises_no_alarm() -> None:
    reference = people(20_000, 0)
    for seed in range(1, 30):
        assert alarms(reference, people(500, seed)) == set()


def test_shift_of_half_a_deviation_is_found_in_500_rows() -> None:
    reference = people(20_000, 0)
    hits = [("drift", "age") in alarms(reference, people(500, seed, shift=0.5)) for seed in range(1, 40)]
    assert all(hits)


def test_shift_below_the_floor_is_no_alarm_however_sure() -> None:
    reference = people(60_000, 0)
    window = people(60_000, 1, shift=0.15)
    age = next(item for item in found(reference, window) if item.what == "age" and item.kind == "drift")
    assert age.p < 1e-6
    assert not age.alarm


def test_change_of_unit_comes_first() -> None:
    window = people(2_000, 1).with_columns(pl.col("age") * 12)
    first = found(people(20_000, 0), window)[0]
    assert (first.what, first.alarm) == ("age", True)
    assert "mean" in first.sentence


def test_moved_categories_are_named() -> None:
    window = people(1_000, 1).with_columns(pl.lit("Oslo").alias("city"))
    item = next(item for item in found(people(20_000, 0), window) if (item.kind, item.what) == ("drift", "city"))
    assert item.alarm
    assert "'Oslo'" in item.sentence


def test_missing_values_are_an_alarm_of_their_own() -> None:
    window = people(1_000, 1).with_columns(
        pl.when(pl.int_range(pl.len()) % 10 == 0).then(None).otherwise("age").alias("age")
    )
    assert ("missing", "age") in alarms(people(20_000, 0), window)


def test_new_category_is_named() -> None:
    window = people(1_000, 1).with_columns(
        pl.when(pl.int_range(pl.len()) % 20 == 0).then(pl.lit("Atlantis")).otherwise("city").alias("city")
    )
    item = next(item for item in found(people(20_000, 0), window) if item.kind == "new")
    assert item.alarm
    assert "Atlantis" in item.sentence


def test_changed_predictions_are_found() -> None:
    window = people(1_000, 1).with_columns(pl.col("_answer_score") ** 3)
    assert ("prediction", "score") in alarms(people(20_000, 0), window)


def test_column_that_the_window_lacks_is_passed_over() -> None:
    assert {item.what for item in found(people(1_000, 0), people(500, 1).drop("age"))} == {"children", "city", "score"}


@pytest.mark.parametrize("values", [[1.0] * 500, [0, 1] * 250, [None] * 500])
def test_few_different_values_do_not_alarm_by_themselves(values: list[Any]) -> None:
    frame = pl.DataFrame({"v": values, "_answer_score": [0.5] * 500})
    assert alarms(frame, frame) == set()
