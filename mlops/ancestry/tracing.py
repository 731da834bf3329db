"""Follows what was made from what, back to the data, as run records tell it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlops.ancestry.asking import Asked, facts_of, find
from mlops.ancestry.holding import Now
from mlops.ancestry.model import Lineage, Node
from mlops.ancestry.serving import with_deployments
from mlops.project import Project
from mlops.run_history import load_run
from mlops.run_reading import Run
from mlops.store import Store

__all__ = ["trace"]

_VARIABLE = "${oc.env:"


def trace(project: Project, name: str = "last") -> Lineage:
    """Find everything that led to a run's results, an artifact, a registered version or a deployment.

    Args:
        project: the project that holds it.
        name: a run's ID or last, MODEL@VERSION, MODEL@ALIAS, a digest's beginning, or a deployment.

    Raises:
        ProjectError: nothing is called that.
    """
    now = Now(project)
    asked = find(project, name, now)
    made = tuple(_nodes(asked, project, now))
    return Lineage(name, asked.run.id, asked.run.recipe, with_deployments(made, asked.deployment, now))


def _nodes(asked: Asked, project: Project, now: Now) -> Iterator[Node]:
    store = Store(project.state / "store")
    steps = {str(step["stage"]): step for step in asked.run.steps if step.get("outputs")}
    wanted = _ancestors(steps, asked.stages or tuple(steps))
    told: set[str] = set()
    for name in (name for name in steps if name in wanted):
        for source in _sources(steps[name], _maker(project, asked.run, steps[name])):
            if source.id not in told:
                told.add(source.id)
                yield source
        yield _stage(steps[name], asked.run)
        yield from _marks(steps[name], asked.run, store, now)


def _ancestors(steps: Mapping[str, Mapping[str, Any]], names: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    pending = [name for name in names if name in steps]
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += [maker for maker in _makers(steps[name]) if maker in steps]
    return found


def _makers(step: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(str(source).partition(".")[0] for source in (step.get("inputs") or {}).values()))


def _maker(project: Project, run: Run, step: Mapping[str, Any]) -> Run:
    """Give the run that carried a step out; the one that reused it when that record was removed."""
    made_by = str(step.get("made_by") or run.id)
    if made_by == run.id or not (project.state / "runs" / made_by).is_dir():
        return run
    return load_run(project.state / "runs", made_by)


def _sources(step: Mapping[str, Any], maker: Run) -> Iterator[Node]:
    ingredients: Mapping[str, Any] = step.get("ingredients") or {}
    for name, digest in (ingredients.get("sources") or {}).items():
        if str(name).startswith(_VARIABLE):
            continue  # a variable is a setting, its value a secret
        version = (ingredients.get("versions") or {}).get(name) or {}
        facts = {"digest": str(digest), **{key: str(value) for key, value in version.items() if value}}
        yield Node(_source_id(name, digest), "source", str(name), facts | _revision(maker, version))


def _source_id(name: str, digest: Any) -> str:
    return f"source:{name}:{str(digest)[:16]}"


def _revision(maker: Run, version: Mapping[str, Any]) -> dict[str, str]:
    """Name the commit that was checked out when the data was read, where its own version names none."""
    git = maker.environment.get("git") or {}
    if version.get("commit") or not git.get("commit"):
        return {}
    return {"read at commit": str(git["commit"]) + (" with changes" if git.get("dirty") else "")}


def _stage(step: Mapping[str, Any], run: Run) -> Node:
    ingredients: Mapping[str, Any] = step.get("ingredients") or {}
    sources = (ingredients.get("sources") or {}).items()
    reads = [_source_id(name, digest) for name, digest in sources if not str(name).startswith(_VARIABLE)]
    reads += [f"stage:{maker}" for maker in _makers(step)]
    facts = {
        "target": str(ingredients.get("target") or ""),
        "key": str(step.get("key") or ""),
        "made by": str(step.get("made_by") or run.id),
        **{name: str(summary) for name, summary in (step.get("summaries") or {}).items() if summary},
    }
    outputs = {name: str(output["digest"]) for name, output in step["outputs"].items()}
    known = {name: value for name, value in facts.items() if value}
    return Node(f"stage:{step['stage']}", "stage", str(step["stage"]), known, tuple(reads), outputs)


def _marks(step: Mapping[str, Any], run: Run, store: Store, now: Now) -> Iterator[Node]:
    """Name the version or the deployment that a stage left behind."""
    name = str(step["stage"])
    registered = facts_of(step, store, "registration")
    if registered:
        model, version = str(registered.get("model")), str(registered.get("version"))
        aliases = _aliases(now.aliases(run, model, version), registered)
        title = f"{model}@{version}"
        yield Node(f"model:{title}", "model", title, aliases | _told(registered, "digest"), (f"stage:{name}",))
    deployed = facts_of(step, store, "deployment")
    if deployed:
        version = f"{deployed.get('model')}@{deployed.get('version')}"
        facts = {"version": version} | _told(deployed, "target", "digest")
        title = str(deployed.get("name"))
        yield Node(f"deployment:{title}", "deployment", title, facts, (f"stage:{name}",))


def _aliases(held: tuple[str, ...] | None, registered: Mapping[str, Any]) -> dict[str, str]:
    """Tell the aliases of now; the one that it was registered with where the registry does not tell."""
    if held is None:
        return {"registered as": str(registered["alias"])} if registered.get("alias") else {}
    return {"aliases now": ", ".join(held) or "none"}


def _told(facts: Mapping[str, Any], *names: str) -> dict[str, str]:
    return {name: str(facts[name]) for name in names if facts.get(name)}
