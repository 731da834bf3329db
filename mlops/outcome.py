"""What came of a run, its page, and the last lines that a person reads. Light: a reused run loads nothing more."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TextIO

from mlops.durable import write_hint
from mlops.record import load_run
from mlops.store import Store
from mlops.text import duration
from mlops.tracking import StepResult

__all__ = ["Finished", "Recorder", "Report", "add_fragment", "say_ending", "write_page"]

SHIPPED = "bundle"
"""The format whose folder a person wants to find at the end."""

_FRAGMENT = "fragment-"
"""Begins the names of files in a run's folder that become part of its page."""

DEPLOYED = "deployment"
"""The format that says what serves now, and goes on when the run has ended."""

Status = Literal["done", "failed", "interrupted"]
_EXIT = {"done": 0, "failed": 1, "interrupted": 130}


@dataclass
class Report:
    """What came of a plan."""

    status: Status = "done"
    steps: list[StepResult] = field(default_factory=list)
    error: str = ""
    """What went wrong, secrets masked."""

    failed: str = ""
    """The stage that failed or was interrupted."""

    @property
    def metrics(self) -> dict[str, float]:
        """Every metric of every step, as 'stage.name'."""
        return {f"{step.stage}.{name}": value for step in self.steps for name, value in step.metrics.items()}


@dataclass(frozen=True)
class Finished:
    """What a run leaves to its caller."""

    run: str
    report: Report
    search: Sequence[Mapping[str, Any]] = ()
    """Trials of the search that came before it, the best first."""

    @property
    def exit_code(self) -> int:
        """0 done, 1 failed, 130 interrupted."""
        return _EXIT[self.report.status]

    def to_json(self) -> dict[str, Any]:
        """Give the stable machine-readable form."""
        steps = [{"stage": s.stage, "action": s.action, "seconds": round(s.seconds, 6)} for s in self.report.steps]
        made = {"run": self.run, "status": self.report.status, "steps": steps, "metrics": self.report.metrics}
        return made | ({"search": list(self.search)} if self.search else {})


class Recorder:
    """Writes what happens into the run's record."""

    def __init__(self, event: Callable[..., None]) -> None:
        self._event = event

    def step_started(self, stage: str, reasons: Sequence[str]) -> None:
        """Write that a stage began."""
        self._event("stage-started", stage=stage, reasons=list(reasons))

    def step_waits(self, stage: str) -> None:
        """Write that a stage waits for another run."""
        self._event("stage-waits", stage=stage)

    def progress(self, stage: str, done: float, total: float, note: str) -> None:
        """Leave progress out: it is for watching."""

    def metric(self, stage: str, name: str, value: float, step: int | None) -> None:
        """Write a metric."""
        self._event("metric", stage=stage, name=name, value=value, step=step)

    def step_finished(self, result: StepResult) -> None:
        """Write what came of a step."""
        self._event("stage-finished", **result.to_json())


def write_page(folder: Path, store: Store, report: Report) -> Path | None:
    """Write the run's page; a disk that is full is no reason to call a finished run failed."""
    from mlops.run_report import render

    path = folder / "report.html"
    fragments = [*_own_fragments(folder), *_fragments(store, report)]
    text = render(load_run(folder.parent, folder.name).as_json(), fragments)
    return path if write_hint(path, text.encode()) else None


def add_fragment(folder: Path, name: str, text: str) -> None:
    """Lay a piece of HTML into a run's folder, to be part of its page."""
    write_hint(folder / f"{_FRAGMENT}{name}.html", text.encode())


def _own_fragments(folder: Path) -> list[tuple[str, str]]:
    paths = sorted(folder.glob(f"{_FRAGMENT}*.html"))
    return [(path.stem.removeprefix(_FRAGMENT), path.read_text(encoding="utf-8")) for path in paths]


def _fragments(store: Store, report: Report) -> list[tuple[str, str]]:
    """Collect the pages that artifacts hold, for the run's own page."""
    found: list[tuple[str, str]] = []
    for step in report.steps:
        for ref in step.outputs:
            path = store.path(ref.digest) / "fragment.html"
            if path.is_file():
                found.append((step.stage, path.read_text(encoding="utf-8")))
    return found


def say_ending(report: Report, folder: Path, overrides: Sequence[str], *, store: Store, out: TextIO) -> None:
    """Write the run's page; say what was made and where to look, or what went wrong and how to go on."""
    page = write_page(folder, store, report)
    if report.status != "done":
        out.flush()
        words = " ".join(shlex.quote(word) for word in overrides)
        sys.stderr.write(
            f"\nerror: stage {report.failed} {report.status}: {report.error}\n"
            f"  log: {folder / 'log.txt'}\n  finished stages are kept; to go on: mlops run {words}\n"
        )
        return
    ran = [step for step in report.steps if step.action == "run"]
    total = f" in {duration(sum(step.seconds for step in ran))}" if ran else ""
    out.write(f"\ndone: {len(ran)} run{total}, {len(report.steps) - len(ran)} reused\n")
    if page is not None:
        out.write(f"report   {page}\n")
    for step in report.steps:
        for ref in step.outputs:
            if ref.format == SHIPPED:
                out.write(f"{ref.name:<8} {store.path(ref.digest)}\n")
            elif ref.format == DEPLOYED:
                name = json.loads((store.path(ref.digest) / "deployment.json").read_bytes())["name"]
                out.write(f"serving  mlops status {name}; to end it: mlops stop {name}\n")
    out.write(f"details  mlops runs show {folder.name}\n")
    out.flush()
