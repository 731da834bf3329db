"""``mlops ci``: workflows for continuous integration."""

from __future__ import annotations

import argparse
import json

from mlops.checkout import top_of
from mlops.errors import ProjectError
from mlops.project import Project
from mlops.workflows import choose, write_workflows
from mlops.workspace import Workspace

__all__ = ["main"]

_ABOUT = (
    "Write GitHub workflows: a pull request is checked, planned, tried on a sample, run up to its gates and told in a "
    "comment; what is merged is run, registered and deployed; every day the model is watched and retrained if need be."
)


def main(argv: list[str]) -> int:
    """Write workflows and say what to do next."""
    given = _parser().parse_args(argv)
    work = Workspace.here()
    _see_that_it_is_the_top(work.project)
    choices = choose(
        work,
        recipe=given.recipe,
        branch=given.branch,
        python=given.python,
        install=given.install,
        sample=given.sample,
    )
    files = write_workflows(work.project.root, choices, force=given.force)
    if given.json:
        print(json.dumps({"files": files, "recipe": choices.recipe}))
        return 0
    print("\n".join(f"wrote {name}" for name in files))
    print("\nnext: read them, git add .github, and make the environment production in the repository's settings")
    return 0


def _see_that_it_is_the_top(project: Project) -> None:
    """GitHub looks for workflows at the top of a repository only."""
    try:
        top = top_of(project.root)
    except ProjectError:
        return
    if top.resolve() != project.root.resolve():
        raise ProjectError(
            "the project is not at the top of its repository, where GitHub looks for workflows",
            where=str(project.root),
            fix=f"copy the project to {top}, or make a repository of its own",
        )


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="mlops ci", description="Write workflows for continuous integration.")
    verbs = made.add_subparsers(dest="verb", required=True, metavar="init")
    init = verbs.add_parser("init", help="write workflows", description=_ABOUT, allow_abbrev=False)
    init.add_argument("service", choices=("github",), help="whose workflows")
    init.add_argument("--recipe", default="", metavar="NAME", help="the recipe; the project's only one by default")
    init.add_argument("--branch", default="", metavar="NAME", help="the branch that is released; default main")
    init.add_argument("--python", default="", metavar="3.N", help="version of Python; default 3.11")
    init.add_argument("--install", default="", metavar="COMMAND", help="how the project is installed, in one line")
    sample = "override of the smoke run (repeatable); default data.limit=5000"
    init.add_argument("--sample", action="append", default=[], metavar="KEY=VALUE", help=sample)
    init.add_argument("--force", action="store_true", help="replace files that are there")
    init.add_argument("--json", action="store_true", help="print JSON")
    return made
