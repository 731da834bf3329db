"""A recipe with a history: two files, one model, and events of the future that must change nothing."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mlops.formats.bundle import Bundle
from mlops.formats.past import with_history
from mlops.formats.table import Table
from tests.toy_project import Toy

START = datetime(2024, 1, 1)  # noqa: DTZ001 - times without a zone, as in most files
MADE = ["orders_30d", "spent_90d", "last_channel", "days_since", "web_share"]
RECIPE = """
defaults:
  - data: table
  - data@orders: table
  - history: default
  - split: time
  - features: table
  - model: linear
  - train: default
  - bundle: onnx
  - parity: default
stages: [data, orders, history, split, features, train, bundle, parity]
data: {path: data/asked.csv, types: {asked_at: datetime}, time: asked_at, target: answers, task: binary, id: [customer]}
orders: {path: data/orders.csv, types: {ordered_at: datetime}, time: ordered_at}
history:
  inputs: {table: data, events: orders}
  entity: customer
  lag: 1d
  name: orders
  columns:
    orders_30d: {function: count, window: 30d}
    spent_90d: {function: sum, column: amount, window: 90d}
    last_channel: {function: last, column: channel}
    days_since: {function: since}
    web_share: {function: share, where: "channel = 'web'", window: 60d}
model: {strength: 1.0}
"""


@pytest.fixture
def project(tmp_path: Path) -> Toy:
    """Customers who were asked something, and what they ordered before and after."""
    chance = random.Random(7)
    rows = [(chance.randrange(30), chance.randrange(60 * 24, 180 * 24), chance.random() < 0.5) for _ in range(300)]
    asked = [(f"c{customer}", START + timedelta(hours=hour), int(yes)) for customer, hour, yes in sorted(rows)]
    orders = [
        (f"c{chance.randrange(28)}", START + timedelta(minutes=chance.randrange(180 * 1440)), chance.randrange(100))
        for _ in range(1_000)
    ]
    frame = pl.DataFrame(orders, schema=["customer", "ordered_at", "amount"], orient="row")
    channels = [chance.choice(["web", "shop"]) for _ in orders]
    (tmp_path / "data").mkdir()
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "asked.yaml").write_text(RECIPE)
    pl.DataFrame(asked, schema=["customer", "asked_at", "answers"], orient="row").write_csv(tmp_path / "data/asked.csv")
    frame.with_columns(channel=pl.Series(channels)).write_csv(tmp_path / "data/orders.csv")
    return Toy(tmp_path)


def order(project: Toy, when: datetime, *, customer: str = "c1") -> None:
    """Write one absurd order into the file."""
    path = project.root / "data" / "orders.csv"
    path.write_text(f"{path.read_text()}{customer},{when.isoformat()},1000000000,leak\n")


def made(project: Toy) -> Table:
    """Find the newest table that has a history."""
    tables = [folder for folder in project.artifacts if (folder / "table.json").exists()]
    with_past = [folder for folder in tables if json.loads((folder / "table.json").read_text())["roles"]["history"]]
    return Table(max(with_past, key=lambda folder: folder.stat().st_mtime_ns))


def test_a_model_learns_from_what_was_known_and_its_bundle_agrees(project: Toy) -> None:
    run = project.run("recipe=asked")
    assert run["status"] == "done"
    assert run["metrics"]["history.events"] == 1_000
    table = made(project)
    assert list(table.columns)[3:] == MADE
    (bundle,) = [Bundle(folder) for folder in project.artifacts if (folder / "signature.json").exists()]
    assert {*MADE} <= {item["name"] for item in bundle.signature["inputs"]}
    (spec,) = table.roles.history
    events = pl.read_csv(project.root / "data/orders.csv", infer_schema=False)
    assert_frame_equal(with_history(table.read().drop(MADE), spec, events), table.read())


def test_orders_of_the_future_change_not_one_byte_and_nothing_below_runs_again(project: Toy) -> None:
    project.run("recipe=asked", "--to", "features")
    order(project, START + timedelta(days=180))
    actions = project.actions("recipe=asked", "--to", "features")
    assert {name for name, action in actions.items() if action == "run"} == {"orders", "history"}


def test_a_late_order_changes_later_rows_of_its_customer_only(project: Toy) -> None:
    project.run("recipe=asked", "--to", "history")
    before = made(project).read()
    late = START + timedelta(days=120)
    order(project, late)
    project.run("recipe=asked", "--to", "history")
    after = made(project).read()
    touched = (pl.col("customer") == "c1") & (pl.col("asked_at") > late + timedelta(days=1))
    assert_frame_equal(after.filter(~touched), before.filter(~touched))
    assert after.filter(touched)["spent_90d"].max() >= 1e9  # type: ignore[operator] # a float


def test_a_second_history_of_the_table_itself_needs_to_be_told_when_its_outcome_is_known(project: Toy) -> None:
    path = project.root / "recipes" / "asked.yaml"
    path.write_text(
        RECIPE.replace("data: table\n", "data: table\n  - history@before: default\n", 1)
        .replace("history, split", "history, before, split")
        .replace(
            "model: {",
            "before:\n  inputs: {table: history, events: data}\n  entity: customer\n"
            "  columns: {yes_before: {function: mean, column: answers}}\nmodel: {",
        )
    )
    refused = project("run", "recipe=asked")
    assert refused.code == 1
    assert "uses the target 'answers' of past rows" in refused.err
    assert "write `lag: 1d`" in refused.err
    assert project.run("recipe=asked", "before.lag=7d", "--to", "before")["status"] == "done"
    assert [spec.name for spec in made(project).roles.history] == ["orders", "events"]
