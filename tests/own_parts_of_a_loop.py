"""A monitor and a policy as a user would write them."""

from __future__ import annotations

import json

from mlops.durable import write_atomic
from mlops.services.monitor import Finding, Monitor, Subject, Watched, Window
from mlops.services.policy import Decision, History, Policy
from mlops.stage import Place


class CountingMonitor(Monitor):
    """One window of all rows; it alarms when they are many."""

    many: int = 100
    """From how many rows on."""

    def look(self, subject: Subject, place: Place) -> Watched:
        """Count, and remember what was told."""
        rows = subject.rows.height
        if not rows:
            return Watched(subject.name, (), ())
        labels = subject.rows["_label"].drop_nulls().len()
        found = Finding("drift", "rows", float(rows), float(self.many), 0.0, rows >= self.many, f"{rows} rows")
        window = Window("2024-01-01", "2025-01-01", rows, labels, (1,), (found,))
        path = place.state / "counting" / f"{subject.name}.json"
        told = path.exists() and json.loads(path.read_bytes()) == rows
        write_atomic(path, json.dumps(rows).encode())
        return Watched(subject.name, (window,), () if told or not window.alarms else (window.start,))


class EagerPolicy(Policy):
    """Trains again whenever there is an alarm."""

    collect: str | None = "data/rows"
    """Where labelled rows go."""

    def decide(self, history: History) -> Decision:
        """Look for one."""
        alarms = [item.sentence for window in history.windows for item in window.alarms]
        return Decision(bool(alarms), tuple(alarms) or ("all is quiet",))
