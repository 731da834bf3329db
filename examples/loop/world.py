"""The world around the model: flights that are asked about, and labels that arrive late."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl

from mlops.formats import Bundle

DATA = Path(__file__).resolve().parents[2] / "recipes" / "data" / "flights.parquet"
BATCH = 100
SPARE, STEP = 100, 4
"""Rows that are asked about again while a version is rolled out, and how many at a time."""

LATE = 0.3
"""Share of a month's labels that arrive a month later."""

TO_METRES_A_SECOND = 0.44704


class World:
    """Real flights of 2013, month by month."""

    def __init__(self, *, share: float) -> None:
        known = pl.scan_parquet(DATA).filter(pl.col("delayed15").is_not_null()).drop("arr_delay")
        kept = known.with_columns(pl.col("delayed15").cast(pl.Int8)).collect().sample(fraction=share, seed=7)
        self._rows = kept.sort("time_hour", maintain_order=True)
        self._owed: list[dict[str, Any]] = []
        self._spare: list[dict[str, Any]] = []

    def first_quarter(self) -> pl.DataFrame:
        """Give what the first model is trained on."""
        return self._rows.filter(pl.col("month") <= 3)  # noqa: PLR2004 - January to March

    def month(self, number: int, *, fault: bool) -> pl.DataFrame:
        """Give a month's flights; with a fault, the wind comes in metres a second instead of miles an hour."""
        rows = self._rows.filter(pl.col("month") == number)
        return rows.with_columns(pl.col("wind_speed") * TO_METRES_A_SECOND) if fault else rows

    def replay(self, rows: pl.DataFrame, url: str) -> tuple[int, float]:
        """Ask about every flight, tell the labels that have arrived.

        Returns:
            How many requests failed, and the log loss of the answers.
        """
        self._url, failed = url, 0
        chances: list[float] = []
        truth: list[int] = []
        wanted, labels = rows.drop("delayed15").to_dicts(), rows["delayed15"].to_list()
        self._told(self._owed)
        self._owed = []
        known: list[dict[str, Any]] = []
        for start in range(0, len(wanted), BATCH):
            batch = [_plain(row) for row in wanted[start : start + BATCH]]
            answer = self._post("/predict", {"rows": batch})
            if answer is None:
                failed += 1
                continue
            answers = answer["predictions"]
            chances += [item["prediction"]["score_1"] for item in answers]
            truth += labels[start : start + BATCH]
            ids = [item["id"] for item in answers]
            told = [
                {"id": name, "label": label} for name, label in zip(ids, labels[start : start + BATCH], strict=True)
            ]
            late = round(len(told) * LATE)
            known += told[late:]
            self._owed += told[:late]
        self._told(known)
        self._spare = [_plain(row) for row in wanted[:: max(1, len(wanted) // SPARE)]]
        return failed, _log_loss(pl.Series(chances), pl.Series(truth))

    def _told(self, labels: list[dict[str, Any]]) -> None:
        for start in range(0, len(labels), 1000):
            if self._post("/feedback", {"labels": labels[start : start + 1000]}) is None:
                raise SystemExit("the server did not take the labels")

    def settle_rollout(self, status: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Go on asking while a version is being rolled out, as the world would; give the status at the end."""
        for turn in range(60):
            now = status()
            if now["phase"] != "rolling":
                return now
            for start in range(0, len(self._spare), STEP):
                self._post("/predict", {"rows": self._spare[start : start + STEP]}, key=f"{turn}-{start}")
            time.sleep(0.3)
        return status()

    def _post(self, path: str, body: Any, *, key: str = "") -> Any:
        address = urlsplit(self._url)
        line = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=30)
        try:
            headers = {"Content-Type": "application/json", **({"X-Route-Key": key} if key else {})}
            line.request("POST", path, json.dumps(body).encode(), headers)
            answer = line.getresponse()
            text = answer.read()
            return json.loads(text) if answer.status == http.client.OK else None
        except OSError:
            return None
        finally:
            line.close()


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "time_hour": row["time_hour"].isoformat()}


def frozen_loss(rows: pl.DataFrame, bundle: Path) -> float:
    """Give the log loss of a bundle on rows, its server aside."""
    predicted = Bundle(bundle).predict(rows.drop("delayed15"), bad_rows="null")
    return _log_loss(predicted["score_1"], rows["delayed15"])


def _log_loss(chance: pl.Series, truth: pl.Series) -> float:
    rows = pl.DataFrame({"p": chance.clip(1e-15, 1 - 1e-15), "y": truth})
    right = pl.when(pl.col("y") == 1).then(pl.col("p")).otherwise(1 - pl.col("p"))
    return float(rows.select(-right.log().mean()).item())
