"""``mlops report``: texts for people who decide."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mlops.durable import write_atomic
from mlops.pull_report import gather, render
from mlops.workspace import Workspace

__all__ = ["main"]

_ABOUT = (
    "Say in Markdown what this tree changes against another commit: stages that run again and why, keys, data, "
    "metrics with intervals, gates. Exit code 2 when a recipe of this tree has mistakes; the report names them."
)


def main(argv: list[str]) -> int:
    """Write a report and print it, or put it into a file."""
    given = _parser().parse_intermixed_args(argv[1:]) if argv[:1] == ["pr"] else _refuse(argv)
    report = gather(Workspace.here(), given.base, given.overrides)
    text = render(report)
    if given.output is not None:
        write_atomic(given.output, text.encode())
    if given.json:
        print(json.dumps(report.to_json(), ensure_ascii=False))
    elif given.output is None:
        print(text, end="")
    else:
        print(f"report   {given.output}")
    return 2 if report.has_mistakes else 0


def _refuse(argv: list[str]) -> argparse.Namespace:
    """Show the help, or say that there is only one kind of report."""
    made = argparse.ArgumentParser(prog="mlops report", description="Write reports for people who decide.")
    kinds = made.add_subparsers(dest="kind", required=True, metavar="KIND")
    kinds.add_parser("pr", help="what this tree changes against --base REF; --output FILE", add_help=False)
    made.parse_args(argv)
    raise AssertionError("unreachable: argparse ends what is not pr")


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="mlops report pr", description=_ABOUT, allow_abbrev=False)
    made.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="recipe=NAME and the rest; default: all recipes"
    )
    made.add_argument("--base", required=True, metavar="REF", help="branch, tag or commit to compare with")
    made.add_argument("--output", type=Path, metavar="FILE", help="write the report there")
    made.add_argument("--json", action="store_true", help="print JSON")
    return made
