"""``mlops data track``, ``push`` and ``pull``: data under version control, to a remote and back."""

from __future__ import annotations

import argparse
import json

from mlops.project import Project
from mlops.services.versions import Transfer
from mlops.versioned.service import place_of, versions_of

__all__ = ["pull", "push", "track"]


def track(asked: argparse.Namespace) -> int:
    """Put paths under version control."""
    project = Project.here()
    made = versions_of(project).track(asked.paths, place=place_of(project))
    if asked.json:
        print(json.dumps([{"path": item.path, "content": item.content, "kept_in": item.names} for item in made]))
        return 0
    for item in made:
        print(f"{item.path}  {item.content}")
    names = " ".join(name for item in made for name in item.names)
    if names and (project.root / ".git").exists():
        print(f"to keep this version: git add {names} && git commit")
    return 0


def push(asked: argparse.Namespace) -> int:
    """Send contents to the remote."""
    project = Project.here()
    return _told(versions_of(project).push(_transfer(asked), place=place_of(project)), "sent", asked)


def pull(asked: argparse.Namespace) -> int:
    """Fetch contents from the remote."""
    project = Project.here()
    return _told(versions_of(project).pull(_transfer(asked), place=place_of(project)), "fetched", asked)


def _transfer(asked: argparse.Namespace) -> Transfer:
    return Transfer(tuple(asked.paths), asked.rev, asked.remote, asked.jobs)


def _told(count: int, word: str, asked: argparse.Namespace) -> int:
    print(json.dumps({word: count}) if asked.json else f"{count} {word}")
    return 0
