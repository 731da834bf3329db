"""``mlops data``: look at a table before there is a recipe."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence

from mlops.project import Project

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Propose a contract for a table and print it as a ``validate`` section."""
    asked = _parser().parse_args(argv)
    inference = importlib.import_module("mlops_polars.inference")
    found = Project.here().find(asked.path)
    contract = inference.propose_for(
        found[0] if len(found) == 1 else asked.path, margin=asked.margin, choices=asked.choices
    )
    text = (
        json.dumps(contract, ensure_ascii=False) + "\n"
        if asked.json
        else inference.render_yaml(contract, source=asked.path)
    )
    sys.stdout.write(text)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mlops data", description="Look at a table before there is a recipe.", allow_abbrev=False
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    infer = verbs.add_parser(
        "infer", help="propose a contract from a table", description="Propose a contract from a table."
    )
    infer.add_argument("path", help="CSV, Parquet, JSON Lines or Arrow file, glob or URL")
    infer.add_argument("--margin", type=float, default=0.1, help="widen numeric ranges by this share of their span")
    infer.add_argument(
        "--choices", type=int, default=20, help="list the allowed values of texts with at most this many"
    )
    infer.add_argument("--json", action="store_true", help="print JSON instead of YAML")
    return parser
