"""The flights recipe from nothing, beside a hand-written script that calls the same libraries in one process.

Once as the recipe is, with bootstrap intervals, and once without: by hand the intervals cost more than
all the rest, so the second row is the one that shows what the engine adds.

python benchmarks/flights.py
python benchmarks/flights.py --threads 2 --repeats 5
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.measuring import Cost, Samples, interleaved, output, program, threads
from benchmarks.projects import FLIGHTS, temporary
from benchmarks.reporting import Aim, Report, Row, aligned, asked, milliseconds, present

_SCRIPT = Path(__file__).with_name("flights_by_hand.py")
_NEEDED = ("onnxmltools", "skl2onnx")
_LIMIT = 1.15
_SAME = 0.002
"""Both must reach the same ROC AUC, or they would not have done the same work."""


@dataclass
class _Bench:
    """A project of ours, a folder for the script, and what both said."""

    folder: Path
    threads: int
    ours: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    theirs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    """Number of bootstrap draws → the last line of each go."""

    def recipe(self, bootstrap: int) -> Cost:
        """Run the recipe from nothing."""
        project = self.folder / "project"
        shutil.rmtree(project, ignore_errors=True)
        (project / "recipes").mkdir(parents=True)
        words = [
            "recipe=flights",
            "--to",
            "parity",
            f"executor.cpus={self.threads}",
            f"evaluate.bootstrap={bootstrap}",
            "--json",
        ]
        cost, said = output([program("mlops"), "run", *words], folder=project, env=threads(self.threads))
        self.ours.setdefault(bootstrap, []).append(_last(said))
        return cost

    def script(self, bootstrap: int) -> Cost:
        """Run the script."""
        place = self.folder / "script"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        words = [str(FLIGHTS), str(place), "--bootstrap", str(bootstrap), "--threads", str(self.threads)]
        command = [sys.executable, "-W", "ignore", str(_SCRIPT), *words]
        cost, said = output(command, folder=place, env=threads(self.threads))
        self.theirs.setdefault(bootstrap, []).append(_last(said))
        return cost


def main() -> None:
    """Measure and print."""
    given = asked(__doc__, repeats=2, more=_arguments)
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        sys.exit(f"the script by hand needs {' and '.join(missing)}: pip install {' '.join(_NEEDED)}")
    with temporary() as folder:
        bench = _Bench(folder, given.threads)
        draws = (0,) if given.plain else (given.bootstrap, 0)
        found = {count: _measured(bench, count, given.repeats) for count in draws}
        present(_report(bench, found), as_json=given.json)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--threads", type=int, default=1, help="threads for both (default 1: steady beside neighbours)")
    parser.add_argument("--bootstrap", type=int, default=200, help="draws of the first row (default 200, the recipe's)")
    parser.add_argument("--plain", action="store_true", help="leave out the row with intervals")


def _measured(bench: _Bench, bootstrap: int, repeats: int) -> dict[str, Samples]:
    cases = {"ours": lambda: bench.recipe(bootstrap), "theirs": lambda: bench.script(bootstrap)}
    return interleaved(cases, repeats=repeats)


def _report(bench: _Bench, found: Mapping[int, Mapping[str, Samples]]) -> Report:
    rows, aims = [], []
    for count, samples in found.items():
        _check_same(bench, count)
        name = f"with intervals of {count} draws" if count else "without intervals"
        rows.append(Row(f"mlops run recipe=flights, {name}", samples["ours"], "by hand", samples["theirs"]))
        aims.append(Aim(f"recipe / by hand, {name}", rows[-1].ratio or 0, _LIMIT, "×"))
    least = min(found)
    return Report("flights", tuple(rows), tuple(aims), (_steps(bench, least, found[least]), _quality(bench, least)))


def _check_same(bench: _Bench, bootstrap: int) -> None:
    ours, theirs = _ours_auc(bench, bootstrap), bench.theirs[bootstrap][0]["roc_auc"]
    if abs(ours - theirs) > _SAME:
        raise RuntimeError(f"the recipe reaches a ROC AUC of {ours:.4f}, the script {theirs:.4f}: not the same work")


def _ours_auc(bench: _Bench, bootstrap: int) -> float:
    return float(bench.ours[bootstrap][0]["metrics"]["evaluate.test.roc_auc"])


def _steps(bench: _Bench, bootstrap: int, found: Mapping[str, Samples]) -> str:
    """Medians of each step, and what is left: starting, importing, planning, recording."""
    ours: dict[str, list[float]] = {}
    for said in bench.ours[bootstrap]:
        for step in said["steps"]:
            ours.setdefault(step["stage"], []).append(step["seconds"])
    theirs = {name: [said["steps"][name] for said in bench.theirs[bootstrap]] for name in ours}
    lines: list[tuple[str, str, str]] = [("step", "recipe", "by hand")]
    lines += [(name, _median(ours[name]), _median(theirs[name])) for name in ours]
    rests = [
        found[who].wall - sum(map(statistics.median, steps.values()))
        for who, steps in (("ours", ours), ("theirs", theirs))
    ]
    lines.append(("the rest", *map(milliseconds, rests)))  # type: ignore[arg-type] # two texts
    return aligned(lines)


def _quality(bench: _Bench, bootstrap: int) -> str:
    theirs = bench.theirs[bootstrap][0]
    return (
        f"ROC AUC on test rows: recipe {_ours_auc(bench, bootstrap):.4f}, by hand {theirs['roc_auc']:.4f}. "
        f"By hand, onnxmltools' graph differs from the model by more than 1e-4 in {theirs['differing']} rows "
        f"(most {theirs['difference']:.2g}); the recipe would fail there."
    )


def _median(times: list[float]) -> str:
    return milliseconds(statistics.median(times))


def _last(said: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
