"""``mlops runs``: list, show, compare and remove runs, and send them to their trackers."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlops.project import Project, find_root
from mlops.record_view import run_text, runs_table
from mlops.run_diff import diff_runs, render
from mlops.run_history import list_runs, load_run, remove_run
from mlops.run_reading import STATUSES

__all__ = ["main"]


def main(argv: list[str]) -> int:
    """Do what the command line asks and print it."""
    given = _parser().parse_args(argv)
    verbs: dict[str | None, Callable[[Path, argparse.Namespace], int | None]]
    verbs = {"show": _show, "diff": _diff, "rm": _remove, "sync": _sync}
    return verbs.get(given.verb, _list)(find_root() / ".mlops" / "runs", given) or 0


def _list(runs_dir: Path, given: argparse.Namespace) -> None:
    runs = list_runs(runs_dir, recipe=given.recipe, status=given.status, limit=given.limit)
    _print([run.as_json() for run in runs], runs_table(runs), as_json=given.json)


def _show(runs_dir: Path, given: argparse.Namespace) -> None:
    run = load_run(runs_dir, given.run)
    _print(run.as_json(), run_text(run), as_json=given.json)


def _diff(runs_dir: Path, given: argparse.Namespace) -> None:
    difference = diff_runs(load_run(runs_dir, given.a), load_run(runs_dir, given.b))
    _print(difference, render(difference), as_json=given.json)


def _remove(runs_dir: Path, given: argparse.Namespace) -> None:
    names = [load_run(runs_dir, name).id for name in given.runs]
    if given.yes:
        names = [remove_run(runs_dir, name) for name in dict.fromkeys(names)]
    lines = [f"{'removed' if given.yes else 'would remove'} {name}" for name in names]
    lines += [] if given.yes else ["nothing is removed yet: add --yes"]
    _print({"runs": names, "removed": given.yes}, "\n".join(lines), as_json=given.json)


def _sync(runs_dir: Path, given: argparse.Namespace) -> int:
    from mlops.tracked.sync import sync

    folders = [load_run(runs_dir, name).folder for name in given.runs] or None
    done = []
    for found in sync(Project(find_root()), folders, again=given.again):
        done.append(found)
        _print(found.to_json(), found.as_text(), as_json=given.json)
    if not done and not given.json:
        print("every tracker has every run; --again sends them once more")
    return int(any(found.trouble for found in done))


def _print(value: Any, text: str, *, as_json: bool) -> None:
    print(json.dumps(value, ensure_ascii=False) if as_json else text)


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="mlops runs", description="Look back at runs.", allow_abbrev=False)
    made.add_argument("--recipe", metavar="R", help="only runs of this recipe")
    made.add_argument("--status", choices=STATUSES, help="only runs that are or ended so")
    made.add_argument("--limit", type=int, default=20, metavar="N", help="at most so many, the newest first")
    made.add_argument("--json", action="store_true", help="print JSON")
    verbs = made.add_subparsers(dest="verb", metavar="show | diff | rm | sync")
    show = verbs.add_parser("show", help="all about one run", allow_abbrev=False)
    show.add_argument("run", metavar="ID", help="an ID, the beginning or end of one, or 'last'")
    diff = verbs.add_parser("diff", help="what differs between two runs", allow_abbrev=False)
    diff.add_argument("a", metavar="A")
    diff.add_argument("b", metavar="B")
    remove = verbs.add_parser("rm", help="remove the records of runs", allow_abbrev=False)
    remove.add_argument("runs", nargs="+", metavar="ID")
    remove.add_argument("--yes", action="store_true", help="remove without asking again")
    sync = verbs.add_parser("sync", help="send what trackers lack", allow_abbrev=False)
    sync.add_argument("runs", nargs="*", metavar="ID", help="only these; all that a tracker lacks when left out")
    sync.add_argument("--again", action="store_true", help="send everything once more, to a tracker that lost it")
    for verb in (show, diff, remove, sync):
        verb.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")
    return made
