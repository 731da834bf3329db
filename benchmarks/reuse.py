"""A run in which nothing changed, beside `dvc repro` on as many stages and the same data file.

python benchmarks/reuse.py                   # the flights recipe; its first run takes a while
python benchmarks/reuse.py --recipe chain    # eight toy stages
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from benchmarks.measuring import command, interleaved, output, program
from benchmarks.projects import FLIGHTS, chain, dvc_environment, dvc_project, temporary, toy_project
from benchmarks.reporting import Aim, Report, Row, asked, present

_STAGES = 13
_SETTLE_S = 2.5
"""Files younger than this may still change unseen, so both tools would look at them more closely."""


def main() -> None:
    """Measure and print."""
    given = asked(__doc__, repeats=7, more=_arguments)
    with temporary() as folder:
        try:
            report = _measured(folder, given)
        finally:
            if given.recipe == "flights" and (folder / "ours" / ".mlops" / "deployments").exists():
                command([program("mlops"), "stop", "flights"], folder=folder / "ours")
        present(report, as_json=given.json)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--recipe", choices=("flights", "chain"), default="flights", help="what to run (default flights)"
    )


def _measured(folder: Path, given: argparse.Namespace) -> Report:
    env = dvc_environment(folder / "home")
    ours, theirs = _our_project(folder / "ours", given.recipe), dvc_project(folder / "theirs", _STAGES, env=env)
    mlops, dvc, word = program("mlops"), program("dvc"), f"recipe={given.recipe}"
    last = _prepared(ours, [mlops, "run", word])
    command([dvc, "repro"], folder=theirs, env=env)
    time.sleep(_SETTLE_S)
    command([mlops, "run", word], folder=ours)
    found = interleaved(
        {
            "run": lambda: command([mlops, "run", word], folder=ours),
            "planned": lambda: command([mlops, "run", word, "--to", last], folder=ours),
            "dvc": lambda: command([dvc, "repro"], folder=theirs, env=env),
        },
        repeats=given.repeats,
    )
    rows = (
        Row(f"mlops run {word}", found["run"], "dvc repro", found["dvc"]),
        Row(f"mlops run {word} --to {last}", found["planned"], "dvc repro", found["dvc"]),
    )
    aims = (Aim("reused run / dvc repro", rows[0].ratio or 0, 0.5, "×"),)
    note = f"{_STAGES} stages each, all reused; --to leaves nothing out, but makes the whole plan anew."
    return Report(f"reuse of {given.recipe}", rows, aims, (note,))


def _our_project(folder: Path, recipe: str) -> Path:
    """A project of the toy stages, or an empty one, in which the packaged recipes are found."""
    folder.mkdir()
    if recipe == "chain":
        return toy_project(folder, {"chain": chain(_STAGES, source=str(FLIGHTS))})
    (folder / "recipes").mkdir()
    return folder


def _prepared(project: Path, run: list[str]) -> str:
    """Run everything once; name the last stage."""
    steps = json.loads(output([*run, "--json"], folder=project)[1].splitlines()[-1])["steps"]
    if len(steps) != _STAGES:
        raise RuntimeError(f"the recipe has {len(steps)} stages, the DVC pipeline {_STAGES}")
    return str(steps[-1]["stage"])


if __name__ == "__main__":
    main()
