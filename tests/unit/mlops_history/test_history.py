"""The history stage: keys, defaults from roles, leaks of labels, what it writes down."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from polars.testing import assert_frame_equal
from pydantic import ValidationError

from mlops.errors import LeakFound, StageError
from mlops.formats.past import with_history
from mlops.formats.table import Roles, Table
from mlops.testing import make_context
from mlops_history.history import History

Make = Callable[..., Table]
Add = Callable[..., Table]

ORDERS: dict[str, Any] = {
    "customer": ["a", "a", "b"],
    "day": [date(2024, 1, day) for day in (1, 2, 3)],
    "amount": [1.0, 2.0, 4.0],
}
ASKED: dict[str, Any] = {
    "customer": ["a", "b", "a"],
    "day": [date(2024, 1, day) for day in (2, 4, 9)],
    "left": [0, 1, 0],
}
COUNT: dict[str, Any] = {"orders": {"function": "count"}}
PAST_TARGET: dict[str, Any] = {"left_before": {"function": "mean", "column": "left"}}


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a table artifact."""
    counter = itertools.count()

    def made(columns: dict[str, Any], **roles: Any) -> Table:
        folder = tmp_path / f"table{next(counter)}"
        folder.mkdir()
        return Table.create(folder, pl.DataFrame(columns), roles=Roles(time="day", **roles))

    return made


@pytest.fixture
def add(tmp_path: Path) -> Add:
    """Run a ``history`` section."""
    counter = itertools.count()

    def added(table: Table, events: Table, **section: Any) -> Table:
        stage = History.model_validate({"entity": "customer", "columns": COUNT, **section})
        return stage.run(table, events, context=make_context(tmp_path / f"work{next(counter)}"))

    return added


def test_columns_are_added_and_all_else_stays(make: Make, add: Add) -> None:
    table = make(ASKED)
    made = add(table, make(ORDERS))
    assert_frame_equal(made.read().drop("orders"), table.read())
    assert made.read()["orders"].to_list() == [1, 1, 2]


def test_what_was_done_travels_with_the_roles(make: Make, add: Add) -> None:
    events = make(ORDERS)
    made = add(make(ASKED, target="left"), events, lag="1d", name="orders")
    (spec,) = made.roles.history
    assert made.roles.target == "left"
    assert spec.name == "orders"
    assert spec.types == {"customer": "String", "day": "Date"}
    assert spec.event_types == {"customer": "String", "day": "Date"}
    again = with_history(made.scan().drop(spec.made), spec, events.scan()).collect()
    assert_frame_equal(again, made.read())


def test_a_second_history_is_added_to_the_first(make: Make, add: Add) -> None:
    events = make(ORDERS)
    first = add(make(ASKED), events)
    second = add(first, events, name="amounts", columns={"spent": {"function": "sum", "column": "amount"}})
    assert [spec.name for spec in second.roles.history] == ["events", "amounts"]
    assert second.read()["spent"].to_list() == [1.0, 4.0, 3.0]


def test_two_histories_of_one_name_are_refused(make: Make, add: Add) -> None:
    first = add(make(ASKED), make(ORDERS))
    with pytest.raises(StageError, match=r"(?s)two histories are called 'events'.*another `name`"):
        add(first, make(ORDERS), columns={"more": {"function": "count"}})


def test_columns_may_be_named_otherwise_in_the_events(make: Make, add: Add) -> None:
    events = make({"client": ORDERS["customer"], "day": ORDERS["day"], "when": ORDERS["day"]})
    made = add(make(ASKED), events, entity={"customer": "client"}, event_time="when")
    assert made.read()["orders"].to_list() == [1, 1, 2]


def test_without_a_time_it_is_said_how_to_give_one(make: Make, add: Add, tmp_path: Path) -> None:
    folder = tmp_path / "timeless"
    folder.mkdir()
    timeless = Table.create(folder, pl.DataFrame(ORDERS), roles=Roles())
    with pytest.raises(StageError, match=r"(?s)no column has the role time.*event_time: COLUMN"):
        add(make(ASKED), timeless)


def test_events_without_time_or_entity_are_ignored_and_counted(
    make: Make, add: Add, caplog: pytest.LogCaptureFixture
) -> None:
    days = [date(2024, 1, 1), None, date(2024, 1, 1)]
    with caplog.at_level(logging.WARNING):
        made = add(make(ASKED), make({"customer": ["a", "a", None], "day": days}))
    assert made.read()["orders"].to_list() == [1, 0, 1]
    assert "1 of 3 events have no time and are ignored" in caplog.text
    assert "1 of 3 events have no entity and are ignored" in caplog.text


@pytest.mark.parametrize(
    "columns", [PAST_TARGET, {"left_before": {"function": "share", "where": "left = 1"}}], ids=["column", "where"]
)
def test_the_target_of_past_rows_needs_a_lag(make: Make, add: Add, columns: dict[str, Any]) -> None:
    table = make(ASKED, target="left")
    with pytest.raises(LeakFound, match=r"(?s)'left_before' uses the target 'left'.*write `lag: 1d`"):
        add(table, table, columns=columns)


def test_the_target_under_its_name_in_another_table_needs_a_lag_too(make: Make, add: Add) -> None:
    with pytest.raises(LeakFound, match="uses the target 'left'"):
        add(make(ASKED, target="left"), make(ASKED), columns=PAST_TARGET)


@pytest.mark.parametrize(
    ("lag", "known"), [("0s", [None, None, 0.0]), ("7d", [None, None, None]), ("5d", [None, None, 0.0])]
)
def test_with_a_lag_the_target_of_past_rows_may_be_used(
    make: Make, add: Add, lag: str, known: list[float | None]
) -> None:
    table = make(ASKED, target="left")
    assert add(table, table, columns=PAST_TARGET, lag=lag).read()["left_before"].to_list() == known


def test_other_columns_of_past_rows_need_no_lag(make: Make, add: Add) -> None:
    table = make(ASKED, target="left")
    assert add(table, table).read()["orders"].to_list() == [0, 0, 1]


def test_the_target_names_no_entity(make: Make, add: Add) -> None:
    table = make(ASKED, target="left")
    with pytest.raises(LeakFound, match="`entity` names the target 'left'"):
        add(table, table, entity="left", lag="1d")


def test_a_table_never_counts_its_own_row(make: Make, add: Add) -> None:
    table = make(ASKED)
    with pytest.raises(LeakFound, match="count each row itself"):
        add(table, table, inclusive=True)


def test_an_injected_row_of_the_future_changes_nothing(make: Make, add: Add) -> None:
    columns = {
        name: {"function": name, "column": "amount"} for name in ("sum", "mean", "min", "max", "std", "nunique", "last")
    }
    leak = pl.concat(
        [pl.DataFrame({"customer": ["a"], "day": [date(2024, 1, 9)], "amount": [1e300]}), pl.DataFrame(ORDERS)]
    )
    clean = add(make(ASKED), make(ORDERS), columns=columns).read()
    assert_frame_equal(add(make(ASKED), make(leak.to_dict(as_series=False)), columns=columns).read(), clean)


def test_the_order_of_the_events_does_not_matter(make: Make, add: Add) -> None:
    turned = {name: values[::-1] for name, values in ORDERS.items()}
    columns = {"last": {"function": "last", "column": "amount"}}
    first, second = (add(make(ASKED), make(events), columns=columns).read() for events in (ORDERS, turned))
    assert_frame_equal(first, second)


def test_many_rows_stream_in_their_order(make: Make, add: Add) -> None:
    start, count = datetime(2024, 1, 1), 300_000  # noqa: DTZ001 - times without a zone are tested
    rows = {
        "customer": [0] * count,
        "day": pl.datetime_range(start, start + timedelta(seconds=count - 1), "1s", eager=True),
    }
    made = add(make(rows), make(rows)).read()
    assert made["orders"].equals(pl.Series(range(count)))


@pytest.mark.parametrize(
    ("keys", "match"),
    [
        ({"lag": "a day"}, "lag"),
        ({"columns": {}}, "columns"),
        ({"name": "my orders"}, "name"),
        ({"inclusive": "yes"}, "inclusive"),
        ({"columns": {"x": {"function": "sum"}}}, "needs a `column`"),
        ({"columns": {"x": {"function": "count", "windw": "1d"}}}, "windw"),
    ],
)
def test_wrong_keys_are_refused_when_the_recipe_is_read(keys: dict[str, Any], match: str) -> None:
    with pytest.raises(ValidationError, match=match):
        History.model_validate({"entity": "customer", "columns": COUNT, **keys})


def test_the_shipped_choice_is_a_valid_section() -> None:
    path = Path(__file__).parents[3] / "conf" / "history" / "default.yaml"
    section = yaml.safe_load(path.read_text())
    assert section.pop("_target_") == f"{History.__module__}.{History.__qualname__}"
    assert History.model_validate({**section, "entity": "customer", "columns": COUNT}) == History(
        entity="customer", columns=COUNT
    )
