"""Whether runs can be led back to a commit."""

from __future__ import annotations

from collections.abc import Iterator

from mlops.checkout import git, top_of
from mlops.doctor.finding import Finding, ok, warn
from mlops.errors import ProjectError
from mlops.probes import git_facts, git_probes
from mlops.project import Project

__all__ = ["examine_repository"]

_TOPIC = "git"


def examine_repository(project: Project) -> Iterator[Finding]:
    """Look at the repository around the project."""
    try:
        top = top_of(project.root)
    except ProjectError as exc:
        yield warn(_TOPIC, f"{exc.what}: runs cannot be led back to a version of the code", fix=exc.fix)
        return
    facts = git_facts(*git_probes(project.root)) or {}
    if not facts.get("commit"):
        yield warn(_TOPIC, "nothing was committed yet", where=str(top), fix="git add . && git commit")
        return
    branch = facts.get("branch") or "no branch"
    if facts.get("dirty"):
        what = f"changes on {branch} are not committed: mlops reproduce --at-commit will not have them"
        yield warn(_TOPIC, what, where=str(top), fix="git commit before a run that counts")
    else:
        yield ok(_TOPIC, f"{branch} at {facts['commit'][:12]}", where=str(top))
    if not _is_ignored(project):
        fix = "echo .mlops/ >> .gitignore"
        yield warn(_TOPIC, ".mlops/ is not ignored: artifacts could be committed", where=str(top), fix=fix)


def _is_ignored(project: Project) -> bool:
    try:
        git(project.root, "check-ignore", "--quiet", "--no-index", str(project.state / "store"))
    except ProjectError:
        return False
    return True
