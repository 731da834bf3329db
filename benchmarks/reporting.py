"""How a benchmark is asked for and how it answers: one plain table, the aims, and a line of JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from benchmarks.measuring import Samples

__all__ = ["Aim", "Report", "Row", "aligned", "asked", "milliseconds", "present"]


@dataclass(frozen=True)
class Row:
    """One thing measured, beside the alternative where there is one."""

    name: str
    ours: Samples
    alternative: str = ""
    theirs: Samples | None = None

    @property
    def ratio(self) -> float | None:
        """Ours over theirs; below one, ours is faster."""
        return self.ours.wall / self.theirs.wall if self.theirs else None

    @property
    def cpu_ratio(self) -> float | None:
        """The same for processor time."""
        return self.ours.cpu / self.theirs.cpu if self.theirs and self.theirs.cpu else None

    def cells(self) -> tuple[str, ...]:
        """Write the row down."""
        theirs = (milliseconds(self.theirs.wall), milliseconds(self.theirs.cpu)) if self.theirs else ("", "")
        ours = (milliseconds(self.ours.wall), milliseconds(self.ours.cpu))
        return (self.name, *ours, self.alternative, *theirs, _times(self.ratio), _times(self.cpu_ratio))

    def to_json(self) -> dict[str, object]:
        """Give the row with every go."""
        theirs = self.theirs.to_json() if self.theirs else None
        found: dict[str, object] = {"name": self.name, "ours": self.ours.to_json()}
        return {**found, "alternative": self.alternative, "theirs": theirs, "ratio": self.ratio}


@dataclass(frozen=True)
class Aim:
    """A figure and the most that it may be."""

    name: str
    value: float
    limit: float
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether it is."""
        return self.value <= self.limit

    def cells(self) -> tuple[str, ...]:
        """Write the aim down."""
        return (
            self.name,
            f"{self.value:.3g}{self.unit}",
            f"≤ {self.limit:g}{self.unit}",
            "met" if self.met else "MISSED",
        )


@dataclass(frozen=True)
class Report:
    """What a benchmark found."""

    name: str
    rows: tuple[Row, ...]
    aims: tuple[Aim, ...]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Give everything, with the machine."""
        aims = [{**asdict(aim), "met": aim.met} for aim in self.aims]
        rows = [row.to_json() for row in self.rows]
        return {"benchmark": self.name, "machine": _machine(), "rows": rows, "aims": aims, "notes": list(self.notes)}


def asked(
    description: str | None, *, repeats: int, more: Callable[[argparse.ArgumentParser], object] | None = None
) -> argparse.Namespace:
    """Read the command line that every benchmark shares, and what it adds.

    Args:
        description: the module's docstring.
        repeats: how many rounds when nobody says.
        more: adds the benchmark's own arguments.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=repeats, help=f"rounds; medians are shown (default {repeats})")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    if more:
        more(parser)
    return parser.parse_args()


def present(report: Report, *, as_json: bool) -> None:
    """Print a report."""
    heads = ("", "ours", "cpu", "alternative", "theirs", "cpu", "ratio", "cpu ratio")
    print(f"{report.name} ({_words()})\n")
    print(aligned([heads, *(row.cells() for row in report.rows)]))
    for note in report.notes:
        print(f"\n{note}")
    if report.aims:
        print("\n" + aligned([("aim", "found", "wanted", ""), *(aim.cells() for aim in report.aims)]))
    if as_json:
        print(json.dumps(report.to_json(), ensure_ascii=False))
    sys.stdout.flush()


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Set cells in columns: the first to the left, the others to the right unless they hold words."""
    widths = [max(len(line[index]) for line in lines) for index in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if _is_number(cell, index) else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def milliseconds(seconds: float) -> str:
    """Write a time so that three figures show."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def _is_number(cell: str, index: int) -> bool:
    return index > 0 and cell[:1].isdigit()


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.3g}×"


def _machine() -> dict[str, object]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"cores": cores, "python": platform.python_version(), "load": round(os.getloadavg()[0], 2)}


def _words() -> str:
    machine = _machine()
    return f"{machine['cores']} cores, Python {machine['python']}, load {machine['load']}; medians"
