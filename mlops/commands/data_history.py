"""``mlops data log`` and ``diff``: which data runs read, and how two tables differ."""

from __future__ import annotations

import argparse
import json

from mlops.project import Project
from mlops.run_history import list_runs
from mlops.store import Store
from mlops.versioned.log import pins_of
from mlops.versioned.log import render as render_log

__all__ = ["diff", "log"]


def log(asked: argparse.Namespace) -> int:
    """List what runs read, the newest first."""
    project = Project.here()
    runs = list_runs(project.state / "runs", recipe=asked.recipe, limit=asked.limit)
    pins = list(pins_of(runs, Store(project.state / "store"), path=asked.path))
    print(json.dumps([pin.to_json() for pin in pins], ensure_ascii=False) if asked.json else render_log(pins))
    return 0


def diff(asked: argparse.Namespace) -> int:
    """Compare two tables."""
    from mlops.versioned.difference import compare
    from mlops.versioned.difference_view import render
    from mlops.versioned.sides import side

    project = Project.here()
    store = Store(project.state / "store")
    with side(asked.a, project, store) as (name_a, old), side(asked.b, project, store) as (name_b, new):
        found = compare(old, new)
    if asked.json:
        print(json.dumps({"a": name_a, "b": name_b, **found.to_json()}, ensure_ascii=False))
    else:
        print(render(found, names=(name_a, name_b)))
    return 0
