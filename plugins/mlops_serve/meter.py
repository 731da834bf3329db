"""Counts of one worker, kept where others can add them up, and written as Prometheus reads them."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from mlops.durable import write_hint

__all__ = ["Meter", "Sums", "prometheus", "read_counts"]

Sums = Mapping[str, float]
"""Series with its labels, as Prometheus writes it → value."""

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds."""

_NAMES = {
    "mlops_requests_total": ("counter", "Requests by route and status."),
    "mlops_request_seconds": ("histogram", "Time from a request's head to its answer."),
    "mlops_predictions_total": ("counter", "Predictions by version; shadow: never returned."),
    "mlops_prediction_errors_total": ("counter", "Predictions that a version failed to make, other than for bad rows."),
    "mlops_prediction_seconds": ("histogram", "Time in which a version answered one request's rows."),
    "mlops_refused_total": ("counter", "Requests refused because too many were waiting."),
    "mlops_log_errors_total": ("counter", "Lines of the request log that could not be written."),
    "mlops_shadow_dropped_total": ("counter", "Rows that shadows were not asked because they are too slow."),
    "mlops_labels_total": ("counter", "Labels taken."),
    "mlops_revision": ("gauge", "Revision of the deployment that is served."),
    "mlops_share": ("gauge", "Share of the requests by version."),
}


class Meter:
    """Counts that grow; for one thread."""

    def __init__(self) -> None:
        self.counts: defaultdict[str, float] = defaultdict(float)
        self._buckets: dict[str, list[int]] = {}
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def add(self, name: str, labels: str = "", *, value: float = 1.0) -> None:
        """Count something; labels are written as Prometheus does: ``route="predict"``."""
        self.counts[f"{name}{{{labels}}}" if labels else name] += value

    def time(self, name: str, labels: str, seconds: float) -> None:
        """Count a time into its bucket."""
        key = f"{name} {labels}"
        buckets = self._buckets.get(key)
        if buckets is None:
            buckets = self._buckets[key] = [0] * (len(BUCKETS) + 1)
        buckets[bisect_left(BUCKETS, seconds)] += 1
        self._seconds[key] += seconds

    def sums(self) -> dict[str, float]:
        """Give all series."""
        found = dict(self.counts)
        for key, buckets in self._buckets.items():
            name, _, labels = key.partition(" ")
            total = 0
            for bound, count in zip((*map(repr, BUCKETS), "+Inf"), buckets, strict=True):
                total += count
                found[f'{name}_bucket{{{labels},le="{bound}"}}'] = total
            found[f"{name}_sum{{{labels}}}"] = self._seconds[key]
            found[f"{name}_count{{{labels}}}"] = total
        return found

    def leave(self, path: Path) -> None:
        """Put the counts where others find them."""
        write_hint(path, json.dumps(self.sums()).encode())


def read_counts(folder: Path, *, but: str = "") -> dict[str, float]:
    """Add up what the workers, also those that ended, left in a folder; without the file of one."""
    total: defaultdict[str, float] = defaultdict(float)
    for path in folder.glob("*.json") if folder.is_dir() else ():
        if path.name == but:
            continue
        try:
            found = json.loads(path.read_bytes())
        except (OSError, ValueError):  # it is being replaced, or was torn by a power cut
            continue
        for key, value in found.items():
            total[key] += value
    return dict(total)


def prometheus(sums: Sums, gauges: Sums) -> str:
    """Write series in the text format 0.0.4 of Prometheus."""
    lines: list[str] = []
    for name, (kind, text) in _NAMES.items():
        found = sorted(_of(name, kind, (*sums.items(), *gauges.items())), key=lambda item: _order(item[0]))
        if found:
            lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
            lines += [f"{key} {value:g}" if value < 1e6 else f"{key} {value!r}" for key, value in found]  # noqa: PLR2004 - %g keeps six digits
    return "\n".join([*lines, ""])


def _of(name: str, kind: str, items: Iterable[tuple[str, float]]) -> Iterable[tuple[str, float]]:
    family = {name} if kind != "histogram" else {f"{name}_bucket", f"{name}_sum", f"{name}_count"}
    return ((key, value) for key, value in items if key.partition("{")[0] in family)


def _order(key: str) -> tuple[str, float, str]:
    """Buckets of one series stand together, the smallest first."""
    before, _, bound = key.partition(',le="')
    return before, float(bound.rstrip('"}').replace("+Inf", "inf")) if bound else float("inf"), key
