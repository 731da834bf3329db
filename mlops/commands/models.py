"""``mlops models``: versions of models, who is champion, and what was done to them."""

from __future__ import annotations

import argparse
import json
from difflib import get_close_matches
from typing import Any

from mlops.errors import ProjectError
from mlops.model_registry import open_registry
from mlops.model_view import history_text, models_table, version_text, versions_table
from mlops.services.audit import AuditLog, Deed
from mlops.services.promotion import Moved, promote, rollback
from mlops.services.registry import Registry
from mlops.stage import Place
from mlops.workspace import Workspace

__all__ = ["main"]

_VALUED = ("--why", "--registry")


def main(argv: list[str]) -> int:
    """Do what the command line asks and print it."""
    words, overrides = _split(argv)
    given = _parser().parse_args(words)
    work = Workspace.here()
    place = Place(work.project.root, work.project.state)
    if given.verb == "history":
        value, text = _history(place, given.model)
    else:
        registry = open_registry(work, overrides, choice=given.registry)
        verbs = {"show": _show, "promote": _promote, "rollback": _rollback}
        value, text = verbs.get(given.verb, _list)(registry, place, given)
    print(json.dumps(value, ensure_ascii=False) if given.json else text)
    return 0


def _split(argv: list[str]) -> tuple[list[str], list[str]]:
    """Take the overrides of a recipe out from between the other words."""
    places = [
        place
        for place, word in enumerate(argv)
        if "=" in word and not word.startswith("-") and (not place or argv[place - 1] not in _VALUED)
    ]
    return [word for place, word in enumerate(argv) if place not in places], [argv[place] for place in places]


def _list(registry: Registry, place: Place, given: argparse.Namespace) -> tuple[Any, str]:
    del given
    found = {name: registry.versions(name, place) for name in registry.models(place)}
    return {name: [item.to_json() for item in versions] for name, versions in found.items()}, models_table(found)


def _show(registry: Registry, place: Place, given: argparse.Namespace) -> tuple[Any, str]:
    model, _, wanted = given.model.partition("@")
    if wanted:
        version = registry.find(model, wanted, place)
        return version.to_json(), version_text(version)
    registry.find(model, "latest", place)
    versions = registry.versions(model, place)
    return [item.to_json() for item in versions], versions_table(versions)


def _promote(registry: Registry, place: Place, given: argparse.Namespace) -> tuple[Any, str]:
    return _said(promote(registry, registry.find(given.model, given.version, place), place, why=given.why))


def _rollback(registry: Registry, place: Place, given: argparse.Namespace) -> tuple[Any, str]:
    return _said(rollback(registry, given.model, place, why=given.why))


def _said(moved: Moved) -> tuple[Any, str]:
    version, before = moved.champion, moved.previous
    if not moved.changed:
        return moved.to_json(), f"version {version.version} of {version.model} is the champion already"
    instead = f" in place of version {before.version}" if before else ""
    served = "what is deployed stays: mlops rollback, or mlops deploy, change that"
    return moved.to_json(), f"version {version.version} of {version.model} is the champion{instead}\n{served}"


def _history(place: Place, model: str | None) -> tuple[Any, str]:
    deeds = AuditLog(place.state).read()
    chosen = [deed for deed in deeds if model is None or model == _model(deed)]
    if model is not None and not chosen:
        known = sorted({name for deed in deeds if (name := _model(deed))})
        near = get_close_matches(model, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        fix = f"{hint}models are {', '.join(known)}" if known else "nothing was done to any model yet"
        raise ProjectError(f"nothing is known of a model {model!r}", fix=fix)
    head = deeds[-1].digest if deeds else ""
    value = {"deeds": [deed.to_json() for deed in chosen], "unbroken": True, "head": head}
    return value, history_text(chosen, head) if deeds else "nothing was done to any model yet"


def _model(deed: Deed) -> str:
    kind, _, name = deed.subject.partition("/")
    return name if kind == "model" else str(deed.facts.get("model", ""))


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="mlops models",
        description="Versions of models, who is champion, what was done. recipe=NAME stands for its registry.",
        allow_abbrev=False,
    )
    made.add_argument("--json", action="store_true", help="print JSON")
    made.add_argument("--registry", default="mlflow", metavar="CHOICE", help="a choice of the group registry")
    verbs = made.add_subparsers(dest="verb", metavar="list | show | promote | rollback | history")
    verbs.add_parser("list", help="all models", allow_abbrev=False)
    verbs.add_parser("show", help="the versions of a model, or all about one", allow_abbrev=False).add_argument(
        "model", metavar="MODEL[@VERSION]", help="a version is a number, champion, challenger or latest"
    )
    promoting = verbs.add_parser("promote", help="make a version the champion", allow_abbrev=False)
    promoting.add_argument("model", metavar="MODEL")
    promoting.add_argument("version", metavar="VERSION", help="a number, challenger or latest")
    back = verbs.add_parser("rollback", help="make the champion before the present one champion again")
    back.add_argument("model", metavar="MODEL")
    past = verbs.add_parser("history", help="what was done; proves that the log is unbroken", allow_abbrev=False)
    past.add_argument("model", metavar="MODEL", nargs="?")
    for verb in (promoting, back):
        verb.add_argument("--why", required=True, metavar="TEXT", help="for the audit log")
    for verb in verbs.choices.values():
        verb.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")
        verb.add_argument("--registry", default=argparse.SUPPRESS, metavar="CHOICE", help=argparse.SUPPRESS)
    return made
