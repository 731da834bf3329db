"""What was known at a moment: against a reference that looks at one row after another, and at the edges."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from pydantic import ValidationError

from mlops.errors import StageError
from mlops.formats.history import Aggregate, Calculation, HistorySpec, span
from mlops.formats.past import with_history

START = datetime(2020, 1, 1)  # noqa: DTZ001 - times without a zone are tested
FUNCTIONS = ("count", "sum", "mean", "min", "max", "std", "nunique", "last", "share", "since")
ROWS: dict[str, Any] = {"customer": pl.String, "at": pl.Datetime("us")}
EVENTS: dict[str, Any] = {**ROWS, "amount": pl.Float64, "channel": pl.String}

Row = dict[str, Any]
Reduce = Callable[[list[Any]], Any]


def hours(count: float) -> datetime:
    return START + timedelta(hours=count)


def spec(*aggregates: Aggregate, **keys: Any) -> HistorySpec:
    given = {"name": "orders", "entity": ("customer",), "time": "at", "event_time": "at", **keys}
    return HistorySpec(aggregates=aggregates, **given)


def one(function: str, **keys: Any) -> Aggregate:
    column = {"column": "amount"} if function in ("sum", "mean", "min", "max", "std", "nunique", "last") else {}
    where = {"where": "amount > 0"} if function == "share" else {}
    return Aggregate.model_validate({"name": function, "function": function, **column, **where, **keys})


def answer(rows: pl.DataFrame, wanted: HistorySpec, events: pl.DataFrame) -> pl.DataFrame:
    return with_history(rows, wanted, events).select(wanted.made)


def at(*moments: Any, customer: Any = "ann") -> pl.DataFrame:
    return pl.DataFrame(
        {"customer": [customer] * len(moments), "at": moments}, schema_overrides={"customer": pl.String}
    )


def bought(*orders: tuple[Any, ...]) -> pl.DataFrame:
    padded = [("ann", *order, None, None)[:4] for order in orders]
    return pl.DataFrame(padded, schema=EVENTS, orient="row")


# A reference that looks at one row after another.


def seen(row: Row, events: list[Row], wanted: HistorySpec, item: Aggregate) -> list[Row]:
    """Events that a row may know, by time and place in the table."""
    asked, lag = row["at"], span(wanted.lag)
    since = datetime.min if item.window is None else asked - lag - span(item.window)  # noqa: DTZ901 - as above
    found = []
    for event in events:
        if event["at"] is None or event["customer"] != row["customer"]:
            continue
        when = event["at"] + lag if wanted.inclusive else event["at"] + lag + timedelta(microseconds=1)
        late = event["at"] > since if wanted.inclusive else event["at"] >= since
        if when <= asked and late:
            found.append(event)
    return sorted(found, key=lambda event: event["at"])


def number(row: Row, events: list[Row], item: Aggregate) -> Any:
    """Compute one value from the events that are seen."""
    if item.function == "share":
        known = [event["amount"] > 0 for event in events if event["amount"] is not None]
        return sum(known) / len(known) if known else None
    if item.where is not None:
        events = [event for event in events if event["amount"] is not None and event["amount"] > 0]
    if item.function == "since":
        return (row["at"] - events[-1]["at"]) / timedelta(days=1) if events else None
    if item.column is None:
        return len(events)
    values = [event[item.column] for event in events]
    values = [value for value in values if value is not None and value == value]  # noqa: PLR0124 - not NaN
    return of_values(item.function, values)


def of_values(function: str, values: list[Any]) -> Any:
    always: dict[str, Reduce] = {
        "count": len,
        "sum": math.fsum,
        "nunique": lambda them: len({*them}),
    }
    if function in always:
        return always[function](values)
    if len(values) < (2 if function == "std" else 1):
        return None
    some: dict[str, Reduce] = {
        "mean": statistics.fmean,
        "min": min,
        "max": max,
        "std": statistics.stdev,
        "last": lambda them: them[-1],
    }
    return some[function](values)


def reference(rows: pl.DataFrame, wanted: HistorySpec, events: pl.DataFrame) -> pl.DataFrame:
    listed = events.to_dicts()
    made: dict[str, list[Any]] = {name: [] for name in wanted.made}
    for row in rows.to_dicts():
        for item in wanted.aggregates:
            unknown = row["at"] is None or row["customer"] is None
            made[item.name].append(None if unknown else number(row, seen(row, listed, wanted, item), item))
    return pl.DataFrame(made, schema=dict.fromkeys(made, pl.Float64), strict=False)


CUSTOMERS = st.sampled_from(["ann", "bob", "cy", None])
MOMENTS = st.one_of(st.none(), st.integers(0, 40).map(lambda step: hours(step * 6)))
AMOUNTS = st.one_of(
    st.none(), st.just(math.nan), st.sampled_from([0.0, 1.0, -1.0, 0.1]), st.floats(-1e6, 1e6, allow_subnormal=False)
)
WINDOWS = st.sampled_from([None, "6h", "1d", "3d", "400d"])


@st.composite
def tables(draw: st.DrawFn) -> tuple[pl.DataFrame, pl.DataFrame]:
    rows = draw(st.lists(st.tuples(CUSTOMERS, MOMENTS), max_size=12))
    events = draw(st.lists(st.tuples(CUSTOMERS, MOMENTS, AMOUNTS, st.none()), max_size=30))
    doubled = events + draw(st.lists(st.sampled_from(events), max_size=4)) if events else events
    return pl.DataFrame(rows, schema=ROWS, orient="row"), pl.DataFrame(doubled, schema=EVENTS, orient="row")


@st.composite
def specs(draw: st.DrawFn) -> HistorySpec:
    items = []
    for function in FUNCTIONS:
        filtered = {"where": "amount > 0"} if function == "share" or draw(st.booleans()) else {}
        items.append(one(function, window=draw(WINDOWS), **filtered))
    lag, inclusive = draw(st.sampled_from(["0s", "6h", "2d"])), draw(st.booleans())
    return spec(*items, one("count", name="values", column="amount"), lag=lag, inclusive=inclusive)


@settings(max_examples=150, deadline=None)
@given(given_tables=tables(), wanted=specs())
def test_every_row_gets_what_a_search_row_by_row_finds(
    given_tables: tuple[pl.DataFrame, pl.DataFrame], wanted: HistorySpec
) -> None:
    rows, events = given_tables
    # NaN is missing; Polars calls NaN the largest number, so the conditions see a null instead.
    events = events.with_columns(pl.col("amount").fill_nan(None))
    found = answer(rows, wanted, events).cast(pl.Float64)
    assert_frame_equal(found, reference(rows, wanted, events), rel_tol=1e-9, abs_tol=1e-6)


@settings(max_examples=60, deadline=None)
@given(given_tables=tables(), wanted=specs(), moment=st.integers(0, 40), data=st.data())
def test_an_absurd_event_of_the_future_changes_not_one_bit(
    given_tables: tuple[pl.DataFrame, pl.DataFrame], wanted: HistorySpec, moment: int, data: st.DataObject
) -> None:
    rows, events = given_tables
    rows = rows.filter(pl.col("at") < hours(moment * 6))
    absurd = st.tuples(CUSTOMERS, st.integers(moment, 60).map(lambda step: hours(step * 6)), st.just(1e300), st.none())
    leak = pl.DataFrame(data.draw(st.lists(absurd, min_size=1, max_size=5)), schema=EVENTS, orient="row")
    both = pl.concat([leak, events])
    assert_frame_equal(answer(rows, wanted, events), answer(rows, wanted, both), check_exact=True)


@settings(max_examples=40, deadline=None)
@given(given_tables=tables(), wanted=specs(), chance=st.randoms())
def test_rows_keep_their_order_and_do_not_depend_on_one_another(
    given_tables: tuple[pl.DataFrame, pl.DataFrame], wanted: HistorySpec, chance: Any
) -> None:
    rows, events = given_tables
    order = list(range(rows.height))
    chance.shuffle(order)
    whole = with_history(rows, wanted, events)
    assert_frame_equal(whole.select(rows.columns), rows)
    shuffled = with_history(rows[order], wanted, events) if order else whole
    assert_frame_equal(shuffled, whole[order] if order else whole, check_exact=True)


def test_a_lazy_frame_stays_lazy_and_gives_the_same() -> None:
    rows, events = at(hours(1), hours(3)), bought((hours(0), 1.0), (hours(2), 5.0))
    wanted = spec(one("sum"), one("last"))
    lazy = with_history(rows.lazy(), wanted, events.lazy())
    assert isinstance(lazy, pl.LazyFrame)
    assert_frame_equal(lazy.collect(engine="streaming"), with_history(rows, wanted, events))


# Edges of time.


def test_an_event_at_the_very_moment_is_not_known_yet() -> None:
    assert answer(at(hours(5)), spec(one("count")), bought((hours(5), 1.0)))["count"].to_list() == [0]


def test_an_inclusive_history_counts_it() -> None:
    assert answer(at(hours(5)), spec(one("count"), inclusive=True), bought((hours(5), 1.0)))["count"].to_list() == [1]


def test_a_table_that_is_its_own_history_does_not_count_the_row_itself() -> None:
    rows = at(hours(1), hours(2), hours(2), hours(3))
    assert answer(rows, spec(one("count")), rows)["count"].to_list() == [0, 1, 1, 3]


@pytest.mark.parametrize(("hour", "known"), [(24, 0), (24.001, 1)])
def test_with_a_lag_an_event_is_known_only_after_it(hour: float, known: int) -> None:
    made = answer(at(hours(hour)), spec(one("count"), lag="1d"), bought((hours(0), 1.0)))
    assert made["count"].to_list() == [known]


@pytest.mark.parametrize(("hour", "known"), [(29, 1), (30, 1), (30.001, 0)])
def test_a_window_begins_its_length_and_the_lag_before_the_row(hour: float, known: int) -> None:
    made = answer(at(hours(hour)), spec(one("count", window="6h"), lag="1d"), bought((hours(0), 1.0)))
    assert made["count"].to_list() == [known]


def test_an_event_given_as_a_date_is_known_only_when_the_day_is_over() -> None:
    events = pl.DataFrame({"customer": ["ann"], "at": [date(2020, 1, 1)]})
    made = answer(at(hours(18), hours(23.99), hours(24)), spec(one("count")), events)
    assert made["count"].to_list() == [0, 0, 1]


def test_a_row_given_as_a_date_is_asked_at_the_first_moment_of_the_day() -> None:
    made = answer(at(date(2020, 1, 2)), spec(one("count")), bought((hours(23), 1.0), (hours(24), 1.0)))
    assert made["count"].to_list() == [1]


def test_dates_see_the_days_before_and_count_whole_days() -> None:
    days = [date(2020, 1, day) for day in (1, 7, 8, 9)]
    events = pl.DataFrame({"customer": ["ann"] * 4, "at": days})
    wanted = spec(one("count", window="7d"), one("since"))
    assert answer(at(date(2020, 1, 8)), wanted, events).row(0) == (2, 1.0)
    inclusive = answer(at(date(2020, 1, 8)), spec(one("count", window="7d"), inclusive=True), events)
    assert inclusive["count"].to_list() == [2]  # the 7th and the 8th; the 1st is seven days off


def test_times_of_two_zones_are_compared_as_moments() -> None:
    berlin, tokyo = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Tokyo")
    rows = at(datetime(2020, 1, 1, 10, tzinfo=berlin))
    events = pl.DataFrame(
        {"customer": ["ann", "ann"], "at": [datetime(2020, 1, 1, hour, tzinfo=tokyo) for hour in (17, 18)]}
    )
    assert answer(rows, spec(one("count")), events)["count"].to_list() == [1]  # 10:00 is 18:00 there


def test_units_of_time_may_differ() -> None:
    rows = at(hours(2)).cast({"at": pl.Datetime("ms")})
    events = bought((hours(1), 1.0), (hours(2), 1.0)).cast({"at": pl.Datetime("ns")})
    assert answer(rows, spec(one("count")), events)["count"].to_list() == [1]


def test_times_before_1970_and_far_ahead_are_in_order() -> None:
    far = datetime(9999, 12, 31)  # noqa: DTZ001 - times without a zone are tested
    old = datetime(1902, 3, 1)  # noqa: DTZ001 - same
    events = bought((old, 1.0), (far, 2.0))
    rows = at(old + timedelta(seconds=1), hours(0), far + timedelta(hours=1))
    assert answer(rows, spec(one("sum", window="36525d")), events)["sum"].to_list() == [1, 0, 2]
    assert answer(rows, spec(one("sum")), events)["sum"].to_list() == [1, 1, 3]


# Values.


def test_what_an_entity_without_events_gets() -> None:
    wanted = spec(*(one(function) for function in FUNCTIONS))
    assert answer(at(hours(1), customer="zoe"), wanted, bought((hours(0), 1.0))).row(0, named=True) == {
        **dict.fromkeys(FUNCTIONS),
        "count": 0,
        "sum": 0.0,
        "nunique": 0,
    }


def test_a_row_without_time_or_entity_gets_nothing() -> None:
    rows = pl.DataFrame({"customer": [None, "ann"], "at": [hours(1), None]}, schema=ROWS)
    made = answer(rows, spec(*(one(function) for function in FUNCTIONS)), bought((hours(0), 1.0)))
    assert made.null_count().row(0) == (2,) * len(FUNCTIONS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_events_at_all_are_an_answer(function: str) -> None:
    made = answer(at(hours(1)), spec(one(function)), bought())
    assert made[function].to_list() == [0 if function in ("count", "sum", "nunique") else None]


def test_no_rows_are_an_answer() -> None:
    made = with_history(pl.DataFrame(schema=ROWS), spec(*map(one, FUNCTIONS)), bought((hours(0), 1.0)))
    assert made.columns == ["customer", "at", *FUNCTIONS]
    assert made.height == 0


def test_of_events_at_one_moment_the_last_in_the_table_is_the_latest() -> None:
    events = bought((hours(0), 1.0), (hours(0), 2.0))
    assert answer(at(hours(1)), spec(one("last")), events)["last"].to_list() == [2.0]
    assert answer(at(hours(1)), spec(one("last")), events.reverse())["last"].to_list() == [1.0]


def test_the_latest_known_value_passes_over_missing_ones() -> None:
    events = bought((hours(0), 1.0), (hours(1), None), (hours(2), math.nan))
    assert answer(at(hours(3)), spec(one("last")), events)["last"].to_list() == [1.0]


def test_a_huge_value_before_the_window_does_not_spoil_the_sum_in_it() -> None:
    events = bought((hours(0), 1e300), (hours(0), math.inf), (hours(48), 0.1), (hours(49), 0.2))
    wanted = spec(one("sum", window="1d"), one("mean", window="1d"), one("std", window="1d"))
    assert answer(at(hours(50)), wanted, events).row(0) == pytest.approx((0.1 + 0.2, 0.15, 0.0707106781))


def test_a_large_mean_does_not_swallow_a_small_deviation() -> None:
    events = bought(*((hours(hour), 1e9 + hour % 2) for hour in range(1000)))
    assert answer(at(hours(2000)), spec(one("std")), events)["std"][0] == pytest.approx(0.50025, rel=1e-4)


@pytest.mark.parametrize(
    ("values", "least", "most"),
    [
        (pl.Series([3, 1, 2], dtype=pl.UInt64), 1, 3),
        (pl.Series([2**63, 1, 2], dtype=pl.UInt64), 1, 2**63),
        (pl.Series([3, -128, 2], dtype=pl.Int8), -128, 3),
        (pl.Series([True, False, True]), False, True),
        (pl.Series([date(2020, 3, 1), date(2019, 1, 1), None]), date(2019, 1, 1), date(2020, 3, 1)),
        (pl.Series([timedelta(1), timedelta(3), None]), timedelta(1), timedelta(3)),
        (pl.Series([math.inf, -math.inf, 0.0]), -math.inf, math.inf),
    ],
    ids=lambda value: str(value.dtype) if isinstance(value, pl.Series) else "",
)
def test_extremes_keep_the_type_of_the_column(values: pl.Series, least: Any, most: Any) -> None:
    events = bought(*((hours(hour),) for hour in range(3))).with_columns(amount=values)
    made = answer(at(hours(5)), spec(one("min"), one("max")), events)
    assert made.row(0) == (least, most)
    assert made.dtypes == [values.dtype] * 2


@pytest.mark.parametrize(
    "values",
    [
        pl.Series(["a", "b", "a"]),
        pl.Series(["a", "b", "a"], dtype=pl.Categorical),
        pl.Series(["a", "b", "a"], dtype=pl.Enum(["b", "a"])),
        pl.Series([True, False, True]),
        pl.Series([0.0, 1.0, -0.0]),
        pl.Series([date(2020, 1, 1), date(2020, 1, 2), date(2020, 1, 1)]),
    ],
    ids=lambda values: str(values.dtype),
)
def test_different_values_of_any_plain_type_are_counted(values: pl.Series) -> None:
    events = bought(*((hours(hour),) for hour in range(3))).with_columns(amount=values)
    made = answer(at(hours(1.5), hours(5)), spec(one("nunique"), one("last")), events)
    assert made["nunique"].to_list() == [2, 2]
    assert made["last"].dtype == values.dtype


def test_whole_numbers_and_truth_values_are_summed_as_float64() -> None:
    events = bought((hours(0),), (hours(1),)).with_columns(amount=pl.Series([2**62, 2**62]))
    made = answer(at(hours(2)), spec(one("sum")), events)["sum"]
    assert made.to_list() == [2.0**63]
    assert made.dtype == pl.Float64


def test_a_condition_that_is_unknown_takes_no_part() -> None:
    events = bought((hours(0), 1.0), (hours(1), None), (hours(2), -1.0), (hours(3), 2.0))
    made = answer(at(hours(5)), spec(one("share"), one("count", where="amount > 0")), events)
    assert made.row(0) == (pytest.approx(2 / 3), 2)


@pytest.mark.parametrize("where", ["channel in ('web', 'app')", "round(amount, 0) = 1", "channel is not null"])
def test_conditions_may_use_whatever_sql_has_for_one_row(where: str) -> None:
    events = bought((hours(0), 1.2, "web"), (hours(1), 3.0, None))
    assert answer(at(hours(5)), spec(one("count", where=where)), events)["count"].to_list() == [1]


# Entities.


def test_an_entity_may_be_several_columns_that_are_named_otherwise_in_the_events() -> None:
    rows = pl.DataFrame({"shop": [1, 1, 2], "item": ["a", "b", "a"], "at": [hours(2)] * 3})
    events = pl.DataFrame(
        {"store": [1, 1, 2], "thing": ["a", "a", "b"], "at": [hours(1)] * 3, "amount": [1.0, 2.0, 4.0]}
    )
    wanted = spec(one("sum"), entity=("shop", "item"), event_entity=("store", "thing"))
    assert answer(rows, wanted, events)["sum"].to_list() == [3.0, 0.0, 0.0]


def test_without_an_entity_all_events_belong_together() -> None:
    made = answer(at(hours(2), hours(4), customer=None), spec(one("sum"), entity=()), bought((hours(1), 1.0)))
    assert made["sum"].to_list() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(pl.Int8, pl.Int64), (pl.Int64, pl.UInt8), (pl.UInt64, pl.Int32)],
)
def test_entities_of_whole_numbers_match_whatever_their_width(ours: Any, theirs: Any) -> None:
    rows = pl.DataFrame({"customer": [7, 100], "at": [hours(2)] * 2}, schema_overrides={"customer": ours})
    events = pl.DataFrame({"customer": [7], "at": [hours(1)]}, schema_overrides={"customer": theirs})
    assert answer(rows, spec(one("count")), events)["count"].to_list() == [1, 0]


def test_a_number_too_large_for_the_events_is_an_entity_without_events() -> None:
    rows = pl.DataFrame({"customer": [300], "at": [hours(2)]})
    events = pl.DataFrame({"customer": [44], "at": [hours(1)]}, schema_overrides={"customer": pl.Int8})
    assert answer(rows, spec(one("count")), events)["count"].to_list() == [0]


def test_pooled_text_matches_text() -> None:
    rows = at(hours(2)).cast({"customer": pl.Categorical})
    assert answer(rows, spec(one("count")), bought((hours(1),)))["count"].to_list() == [1]
    events = bought((hours(1),)).cast({"customer": pl.Enum(["ann"])})
    assert answer(at(hours(2)), spec(one("count")), events)["count"].to_list() == [1]


# Types of training, at prediction.


def test_columns_given_as_text_are_read_as_they_were_in_training() -> None:
    wanted = spec(
        one("sum"),
        types={"customer": "Int64", "at": str(pl.Datetime("us"))},
        event_types={"customer": "Int64", "at": "Date", "amount": "Float64"},
    )
    rows = pl.DataFrame({"customer": ["7"], "at": ["2020-01-02T00:00:00"]})
    events = pl.DataFrame({"customer": ["7", "7"], "at": ["2020-01-01", "2020-01-02"], "amount": ["1.5", "9"]})
    made = with_history(rows, wanted, events)
    assert made["sum"].to_list() == [1.5]
    assert made.schema["customer"] == pl.String


def test_a_time_without_a_zone_is_in_utc_where_training_had_a_zone() -> None:
    aware = {"at": str(pl.Datetime("us", "Europe/Berlin"))}
    events = pl.DataFrame(
        {"customer": ["ann", "ann"], "at": [datetime(2020, 1, 1, hour, tzinfo=UTC) for hour in (1, 3)]}
    )
    made = answer(at(hours(2)), spec(one("count"), types=aware, event_types=aware), events)
    assert made["count"].to_list() == [1]


@pytest.mark.parametrize(
    ("column", "given", "text"),
    [("customer", "x", "Int64"), ("customer", 1.5, "Int64"), ("at", "soon", str(pl.Datetime("us")))],
)
def test_a_value_that_cannot_be_read_so_is_refused(column: str, given: Any, text: str) -> None:
    rows = at(hours(1)).with_columns(pl.lit(given).alias(column))
    with pytest.raises(StageError, match=rf"{column}.*the main table.*was.*in training.*row 1 "):
        with_history(rows, spec(one("count"), types={column: text}), bought((hours(0),)))


# Refusals.


def test_a_missing_column_of_the_events_is_named_with_one_that_is_near() -> None:
    with pytest.raises(StageError, match=r"(?s)needs the column 'amout', which the table of events lacks.*'amount'"):
        with_history(at(hours(1)), spec(one("sum", column="amout")), bought((hours(0), 1.0)))


def test_a_missing_column_of_the_table_is_named() -> None:
    with pytest.raises(StageError, match="needs the column 'customer', which the main table lacks"):
        with_history(at(hours(1)).drop("customer"), spec(one("sum")), bought((hours(0), 1.0)))


def test_a_column_that_is_there_already_is_not_overwritten() -> None:
    with pytest.raises(StageError, match="makes the column 'count', which the table has already"):
        with_history(at(hours(1)).with_columns(count=1), spec(one("count")), bought((hours(0), 1.0)))


def test_entities_of_two_kinds_do_not_match() -> None:
    rows = pl.DataFrame({"customer": [1], "at": [hours(1)]})
    with pytest.raises(StageError, match=r"(?s)cannot match the column 'customer' \(Int64\).*\(String\).*types:"):
        with_history(rows, spec(one("count")), bought((hours(0), 1.0)))


def test_times_with_and_without_a_zone_are_not_compared() -> None:
    rows = at(hours(1)).with_columns(pl.col("at").dt.replace_time_zone("UTC"))
    with pytest.raises(StageError, match=r"(?s)cannot compare the times.*time zone.*give both"):
        with_history(rows, spec(one("count")), bought((hours(0), 1.0)))


def test_times_must_be_times() -> None:
    with pytest.raises(StageError, match=r"(?s)needs dates or datetimes in `time`.*Int32.*types: \{at: datetime\}"):
        with_history(at(hours(1)).with_columns(at=1), spec(one("count")), bought((hours(0), 1.0)))


@pytest.mark.parametrize("function", ["sum", "mean", "std", "min", "max"])
def test_text_is_not_added_up(function: str) -> None:
    with pytest.raises(StageError, match=f"cannot compute the {function} of 'channel', which is String"):
        with_history(at(hours(1)), spec(one(function, column="channel")), bought((hours(0), 1.0)))


@pytest.mark.parametrize(
    "where",
    [
        "amount > avg(amount)",
        "amount in (1, 2) and amount = max(amount)",
        "round(avg(amount), 1) = 1",
        "lag(round(amount, 1)) over (order by at) > 1",
        "count(*) > 1",
    ],
)
def test_a_condition_that_looks_at_other_rows_is_refused(where: str) -> None:
    with pytest.raises(StageError, match="looks at other rows, which may lie in the future"):
        with_history(at(hours(1)), spec(one("count", where=where)), bought((hours(0), 1.0)))


@pytest.mark.parametrize(
    ("where", "match"),
    [
        ("amount", "gives Float64, not true or false"),
        ("amount >", "not an SQL expression"),
        ("amuont > 1", "(?s)needs the column 'amuont'.*did you mean 'amount'"),
        ("at > '2020-01-01'", "(?s)does not fit the columns.*typed constant"),
    ],
)
def test_a_wrong_condition_is_explained(where: str, match: str) -> None:
    with pytest.raises(StageError, match=match):
        with_history(at(hours(1)), spec(one("count", where=where)), bought((hours(0), 1.0)))


@pytest.mark.parametrize(
    ("keys", "match"),
    [
        ({"function": "sum"}, "sum needs a `column`"),
        ({"function": "since", "column": "a"}, "since takes no `column`"),
        ({"function": "share"}, "share needs `where`"),
        ({"function": "count", "window": "0d"}, "window"),
        ({"function": "count", "window": "7 days"}, "window"),
        ({"function": "count", "window": "99999w"}, "more than a hundred years"),
        ({"function": "count", "where": " "}, "empty"),
        ({"function": "count", "where": "a > now()"}, "changes from run to run"),
        ({"function": "median", "column": "a"}, "function"),
    ],
)
def test_a_calculation_that_makes_no_sense_is_refused(keys: dict[str, Any], match: str) -> None:
    with pytest.raises(ValidationError, match=match):
        Calculation.model_validate(keys)


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="two columns are called 'count'"):
        spec(one("count"), one("count"))


def test_a_spec_survives_json() -> None:
    wanted = spec(one("share", window="7d"), lag="1d", types={"at": "Date"})
    assert HistorySpec.model_validate_json(wanted.model_dump_json()) == wanted
