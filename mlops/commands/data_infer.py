"""``mlops data infer``: propose a contract for a table before there is a recipe."""

from __future__ import annotations

import argparse
import importlib
import json
import sys

from mlops.project import Project

__all__ = ["infer"]


def infer(asked: argparse.Namespace) -> int:
    """Propose a contract for a table and print it as a ``validate`` section."""
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
