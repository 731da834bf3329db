"""Models, their versions and their history as plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlops.services.audit import Deed
from mlops.services.registry import CHALLENGER, CHAMPION, ModelVersion
from mlops.text import table

__all__ = ["history_text", "models_table", "version_text", "versions_table"]

_BRIEF = 12
"""Characters of a digest that a person needs to see."""

_SECONDS = 19
"""Characters of an ISO time up to its seconds."""

_LEFT_OUT = ("why", "version", "digest", "previous", "recipe", "run", "stage", "gates", "metrics", "model")


def models_table(models: Mapping[str, Sequence[ModelVersion]]) -> str:
    """List models, one a line."""
    if not models:
        return "no models; a recipe with a register stage makes one"
    head = ("model", "versions", CHAMPION, CHALLENGER, "latest")
    return table(head, [_model(name, versions) for name, versions in models.items()])


def _model(name: str, versions: Sequence[ModelVersion]) -> tuple[str, ...]:
    holders = [
        next((str(item.version) for item in versions if alias in item.aliases), "–") for alias in (CHAMPION, CHALLENGER)
    ]
    latest = f"{versions[-1].version}, {_time(versions[-1].created)}" if versions else "–"
    return (name, str(len(versions)), *holders, latest)


def versions_table(versions: Sequence[ModelVersion]) -> str:
    """List the versions of a model, one a line."""
    head = ("version", "alias", "registered", "bundle", "run", "metrics")
    return table(head, [_version(item) for item in versions])


def _version(item: ModelVersion) -> tuple[str, ...]:
    headline = item.facts.get("headline", "")
    name = headline if headline in item.metrics else next(iter(item.metrics), "")
    metric = f"{name} {item.metrics[name]:.5g}" if name else ""
    digest = item.digest[:_BRIEF]
    return (str(item.version), ", ".join(item.aliases), _time(item.created), digest, item.run, metric)


def version_text(item: ModelVersion) -> str:
    """Tell all about one version."""
    facts = [
        ("model", item.model),
        ("version", str(item.version)),
        ("alias", ", ".join(item.aliases)),
        ("registered", _time(item.created)),
        ("bundle", item.digest[:_BRIEF]),
        ("folder", str(item.folder)),
        ("recipe", item.recipe),
        ("run", item.run),
        *item.facts.items(),
    ]
    told = "\n".join(f"{name:<12}{value}" for name, value in facts if value)
    if not item.metrics:
        return told
    return f"{told}\n\n" + table(("metric", "value"), [(name, f"{value:.5g}") for name, value in item.metrics.items()])


def history_text(deeds: Sequence[Deed], head: str) -> str:
    """List deeds, the oldest first, and say that none was changed."""
    head_words = ("time", "who", "what", "to", "version", "why")
    rows = [_deed(deed) for deed in deeds]
    count = f"{len(deeds)} deed" + ("" if len(deeds) == 1 else "s")
    return f"{table(head_words, rows)}\n\n{count}; the log is unbroken, its last digest is {head[:_BRIEF]}"


def _deed(deed: Deed) -> tuple[str, ...]:
    facts = deed.facts
    version = str(facts.get("version") or "–")
    if facts.get("previous"):
        version = f"{facts['previous']} → {version}"
    return (_time(deed.time), deed.who, deed.action, deed.subject, version, _why(facts))


def _why(facts: Mapping[str, Any]) -> str:
    rest = [f"{name} {value}" for name, value in facts.items() if name not in _LEFT_OUT and not isinstance(value, dict)]
    run = [f"run {facts['run']}"] if facts.get("run") else []
    return "; ".join([*([str(facts["why"])] if facts.get("why") else []), *rest, *run])


def _time(iso: str) -> str:
    return iso[:_SECONDS].replace("T", " ")
