"""Every benchmark in turn, then one table of all aims.

python benchmarks/all.py                    # about half an hour
python benchmarks/all.py --only reuse,startup --repeats 3
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.reporting import aligned

_SCRIPTS = (
    *("startup", "reuse", "planning", "overhead", "flights"),
    *("features", "one_row", "training", "streaming", "quality"),
    *("tracking", "tuning", "serving", "profiling"),
)


def main() -> int:
    """Run them; the exit code is 1 when one of them failed, not when an aim was missed."""
    given = _given()
    reports = {name: _report(name, _words(given)) for name in _SCRIPTS if name in given.only}
    lines = [("benchmark", "aim", "found", "wanted", ""), *_lines(reports)]
    print(f"\n{aligned(lines)}")
    if given.json:
        print(json.dumps({"benchmarks": list(reports.values())}, ensure_ascii=False))
    return 1 if None in reports.values() else 0


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=lambda text: text.split(","), default=_SCRIPTS, help="some of them: a,b")
    parser.add_argument("--repeats", type=int, help="rounds of each; each has its own default")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    return parser.parse_args()


def _words(given: argparse.Namespace) -> list[str]:
    return ["--repeats", str(given.repeats)] if given.repeats else []


def _report(name: str, words: list[str]) -> dict[str, Any] | None:
    """Run one benchmark, passing on what it prints; None when it failed."""
    command = [sys.executable, str(Path(__file__).with_name(f"{name}.py")), *words, "--json"]
    last = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stdout or ():
                print(last, end="", flush=True)
                last = line
        except BaseException:
            process.send_signal(signal.SIGINT)  # so that it cleans up after itself
            raise
    print(flush=True)
    if process.returncode == 0:
        found: dict[str, Any] = json.loads(last)
        return found
    print(last, end="")
    return None


def _lines(reports: dict[str, dict[str, Any] | None]) -> Iterator[tuple[str, ...]]:
    for name, report in reports.items():
        if report is None:
            yield (name, "FAILED", "", "", "")
            continue
        for aim in report["aims"]:
            value, limit = f"{aim['value']:.3g}{aim['unit']}", f"≤ {aim['limit']:g}{aim['unit']}"
            yield (report["benchmark"], aim["name"], value, limit, "met" if aim["met"] else "MISSED")


if __name__ == "__main__":
    sys.exit(main())
