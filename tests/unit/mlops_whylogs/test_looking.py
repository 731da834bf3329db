from __future__ import annotations

import json
import random
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from mlops.errors import ProjectError
from mlops.formats.profile import Profile as ProfileFormat
from mlops.services.monitor import Reference, Subject, Watched
from mlops.services.traffic import Traffic
from mlops.stage import Place
from mlops_whylogs.monitor import AlertPart, WhylogsMonitor
from mlops_whylogs.profile import Profile
from mlops_whylogs.reference import column_facts

SIGNATURE: dict[str, Any] = {"task": "regression", "classes": [], "target": "y", "inputs": []}
START = datetime(2024, 3, 4, tzinfo=UTC)


def rows(days: int, *, per_day: int = 300, broken: int | None = None, seed: int = 1) -> pl.DataFrame:
    chance = np.random.default_rng(seed)
    count = days * per_day
    x = chance.normal(10, 2, count)
    frame = pl.DataFrame(
        {
            "_id": [f"{seed}-{i}" for i in range(count)],
            "_time": [START + timedelta(days=i // per_day, seconds=i % per_day) for i in range(count)],
            "_version": [1] * count,
            "_label": x * 2 + chance.normal(0, 1, count),
            "x": x,
            "_answer_prediction": x * 2,
        }
    )
    day = pl.int_range(pl.len()) // per_day
    return (
        frame
        if broken is None
        else frame.with_columns(pl.when(day == broken).then(pl.col("x") * 3).otherwise("x").alias("x"))
    )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, tmp_path / ".mlops", "toy")


@pytest.fixture
def reference(tmp_path: Path) -> Reference:
    frame = rows(20, seed=0)
    columns = [{"name": "x", **column_facts(frame["x"], Profile())}]
    predictions = [{"name": "prediction", **column_facts(frame["_answer_prediction"], Profile())}]
    (tmp_path / "profile").mkdir()
    made = ProfileFormat.create(tmp_path / "profile", {"rows": 6000, "columns": columns, "predictions": predictions})
    measured = {"headline": "rmse", "metrics": {"test": {"rmse": {"value": 1.0}}}}
    return Reference(made, SIGNATURE, measured)


def looked(place: Place, reference: Reference, frame: pl.DataFrame, **keys: Any) -> Watched:
    return WhylogsMonitor(**keys).look(Subject("toy", frame, {1: reference}), place)


def test_windows_are_cut_by_the_time_received(place: Place, reference: Reference) -> None:
    found = looked(place, reference, rows(3))
    assert [window.start[:10] for window in found.windows] == ["2024-03-04", "2024-03-05", "2024-03-06"]
    assert [window.rows for window in found.windows] == [300, 300, 300]


def test_windows_may_be_cut_by_a_column(place: Place, reference: Reference) -> None:
    frame = rows(2).with_columns(pl.col("_time").dt.offset_by("-1y").dt.to_string("iso").alias("when"))
    assert looked(place, reference, frame, clock="when").windows[0].start[:10] == "2023-03-04"


def test_fault_is_named_by_its_column_in_its_window(place: Place, reference: Reference) -> None:
    found = looked(place, reference, rows(4, broken=2))
    assert [[item.what for item in window.alarms] for window in found.windows] == [[], [], ["x"], []]


def test_late_labels_are_joined_at_the_next_look(place: Place, reference: Reference) -> None:
    frame = rows(2)
    without = frame.with_columns(pl.lit(None, dtype=pl.Float64).alias("_label"))
    assert looked(place, reference, without).windows[0].performance == ()
    assert looked(place, reference, frame).windows[0].performance[0].value == pytest.approx(1.0, abs=0.15)


def test_order_of_rows_does_not_matter(place: Place, reference: Reference, tmp_path: Path) -> None:
    frame = rows(2, broken=1)
    elsewhere = Place(tmp_path, tmp_path / "other", "toy")
    one = looked(place, reference, frame).windows
    other = looked(elsewhere, reference, frame.sample(fraction=1.0, shuffle=True, seed=3)).windows
    for first, second in zip(one, other, strict=True):
        assert [item.what for item in first.alarms] == [item.what for item in second.alarms]
        assert first.performance[0].value == pytest.approx(second.performance[0].value)


def test_window_with_few_rows_is_not_compared(place: Place, reference: Reference) -> None:
    window = looked(place, reference, rows(1, per_day=50)).windows[0]
    assert window.findings == ()
    assert "min_rows=200" in window.note


def test_ignored_column_raises_no_alarm(place: Place, reference: Reference) -> None:
    assert looked(place, reference, rows(2, broken=1), ignore=("x",)).windows[1].alarms == ()


def test_alarm_is_told_once(place: Place, reference: Reference) -> None:
    keys: dict[str, Any] = {"alerts": (AlertPart(to="file", path="alerts.jsonl"),)}
    assert len(looked(place, reference, rows(3, broken=1), **keys).fresh) == 1
    assert looked(place, reference, rows(3, broken=1), **keys).fresh == ()
    told = (place.root / "alerts.jsonl").read_text().splitlines()
    assert [json.loads(line)["alarms"][0]["what"] for line in told] == ["x"]


def test_webhook_is_sent_the_alarm(place: Place, reference: Reference) -> None:
    received: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/alert"
        looked(place, reference, rows(3, broken=1), alerts=(AlertPart.model_validate({"to": "webhook", "url": url}),))
        server.shutdown()
        thread.join()
    assert [item["subject"] for item in received] == ["toy"]


def test_webhook_that_is_down_does_not_stop_the_look(
    place: Place, reference: Reference, caplog: pytest.LogCaptureFixture
) -> None:
    hook = AlertPart.model_validate({"to": "webhook", "url": "http://127.0.0.1:9/s3cret?token=s3cret"})
    found = looked(place, reference, rows(3, broken=1), alerts=(hook,))
    assert found.windows[1].alarms
    assert "could not be sent to the webhook: URLError: Connection refused" in caplog.text
    assert "s3cret" not in caplog.text + repr(hook)


def test_alarm_that_could_not_be_told_is_told_at_the_next_look(place: Place, reference: Reference) -> None:
    (place.root / "alerts").write_text("in the way")
    keys: dict[str, Any] = {"alerts": (AlertPart(to="file", path="alerts/all.jsonl"),)}
    assert len(looked(place, reference, rows(3, broken=1), **keys).fresh) == 1
    (place.root / "alerts").unlink()
    assert looked(place, reference, rows(3, broken=1), **keys).fresh == ()
    assert len((place.root / "alerts" / "all.jsonl").read_text().splitlines()) == 1


def test_webhook_without_an_address_is_refused() -> None:
    with pytest.raises(ValidationError, match="begins with http"):
        AlertPart.model_validate({"to": "webhook", "url": "ftp://there"})


def test_page_shows_windows_and_alarms(place: Place, reference: Reference) -> None:
    found = looked(place, reference, rows(3, broken=1))
    assert found.report is not None
    page = found.report.read_text()
    assert "2024-03-05" in page
    assert "x: mean" in page


def test_nothing_asked_gives_no_window(place: Place, reference: Reference) -> None:
    assert looked(place, reference, rows(1).clear()).windows == ()


def test_unknown_clock_is_refused(place: Place, reference: Reference) -> None:
    with pytest.raises(ProjectError, match="no column 'when'"):
        looked(place, reference, rows(1), clock="when")


def test_metric_that_cannot_be_measured_is_refused(place: Place, reference: Reference) -> None:
    with pytest.raises(ProjectError, match="'roc_auc' cannot be measured"):
        looked(place, reference, rows(1), metric="roc_auc")


def test_window_may_be_a_month(place: Place, reference: Reference) -> None:
    found = looked(place, reference, rows(60), window="month")
    assert [(window.start[:10], window.end[:10], window.rows) for window in found.windows] == [
        ("2024-03-01", "2024-04-01", 28 * 300),
        ("2024-04-01", "2024-05-01", 30 * 300),
        ("2024-05-01", "2024-06-01", 2 * 300),
    ]


def test_other_rows_with_the_same_ids_are_profiled_anew(place: Place, reference: Reference) -> None:
    assert looked(place, reference, rows(1)).windows[0].alarms == ()
    changed = rows(1).with_columns(pl.col("x") * 3)
    assert [item.what for item in looked(place, reference, changed).windows[0].alarms] == ["x"]


def test_number_that_came_as_text_is_a_number(place: Place, reference: Reference) -> None:
    assert looked(place, reference, rows(1).with_columns(pl.col("x").cast(pl.String))).windows[0].alarms == ()
    words = rows(1).with_columns(pl.lit("many").alias("x"))
    assert [item.kind for item in looked(place, reference, words).windows[0].alarms] == ["missing"]


def test_rows_of_a_version_with_another_signature_are_left_out(place: Place, reference: Reference) -> None:
    inputs = [{"name": "x", "kind": "numeric"}]
    now = replace(reference, signature={**SIGNATURE, "inputs": inputs})
    other = replace(reference, signature={**SIGNATURE, "inputs": [*inputs, {"name": "z", "kind": "numeric"}]})
    old = rows(1, seed=2).with_columns(pl.lit(None, pl.Float64).alias("x"), pl.lit(1, pl.Int64).alias("_version"))
    new = rows(1).with_columns(pl.lit(2, pl.Int64).alias("_version"))
    subject = Subject("toy", pl.concat([old, new], how="diagonal_relaxed"), {1: other, 2: now})
    window = WhylogsMonitor().look(subject, place).windows[0]
    assert (window.rows, window.alarms) == (600, ())
    assert "300 rows were answered by versions with another signature" in window.note


def test_damaged_profile_is_made_again(place: Place, reference: Reference) -> None:
    first = looked(place, reference, rows(1)).windows
    for path in (place.state / "monitoring" / "toy" / "windows").glob("*.bin"):
        path.write_bytes(b"x")
    assert looked(place, reference, rows(1)).windows == first


def test_labels_in_any_order_doubled_and_corrected_find_the_same(place: Place, reference: Reference) -> None:
    frame = rows(1)
    lines = [{"id": name, "time": 1.0, "label": label} for name, label in frame.select("_id", "_label").iter_rows()]
    wrong = [{**line, "time": 0.5, "label": 0.0} for line in lines]
    traffic = Traffic(place.root / "deployment")
    traffic.feedback.mkdir(parents=True)
    random.Random(3).shuffle(told := [*lines, *wrong, *lines])
    (traffic.feedback / "1.jsonl").write_text("".join(json.dumps(line) + "\n" for line in told) + '{"torn')
    known = traffic.labels()
    joined = frame.with_columns(pl.col("_id").replace_strict(known, return_dtype=pl.Float64).alias("_label"))
    elsewhere = replace(place, state=place.root / "other")
    assert looked(place, reference, frame).windows == looked(elsewhere, reference, joined).windows


def test_column_without_times_is_refused_as_a_clock(place: Place, reference: Reference) -> None:
    with pytest.raises(ProjectError, match="'word' holds no times"):
        looked(place, reference, rows(1).with_columns(pl.lit("soon").alias("word")), clock="word")


def test_quiet_year_with_many_columns_raises_hardly_any_alarm(place: Place, reference: Reference) -> None:
    frame = rows(365, per_day=200, seed=5)
    found = looked(place, reference, frame)
    assert sum(bool(window.alarms) for window in found.windows) <= 1


def test_window_is_compared_with_the_version_that_answered_most(place: Place, reference: Reference) -> None:
    worse = replace(reference, measured={"headline": "rmse", "metrics": {"test": {"rmse": {"value": 9.0}}}})
    late = rows(1, seed=2, per_day=50).with_columns(pl.lit(2, pl.Int64).alias("_version"))
    subject = Subject("toy", pl.concat([rows(1), late]), {1: reference, 2: worse})
    window = WhylogsMonitor().look(subject, place).windows[0]
    assert (window.versions, window.performance[0].reference) == ((1, 2), 1.0)
