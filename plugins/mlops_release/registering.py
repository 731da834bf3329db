"""The work of the register stage: number the bundle, point the alias, write it down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops import formats
from mlops.errors import StageError
from mlops.formats.registration import Registration
from mlops.formats.verdict import Verdict
from mlops.services.promotion import challenge, promote
from mlops.services.registry import CHALLENGER, CHAMPION, ModelVersion, NewVersion
from mlops.stage import Context

if TYPE_CHECKING:
    from mlops_release.register import Register

__all__ = ["register"]

_ALIAS = {"after_deployment": CHALLENGER, "at_once": CHAMPION, "never": ""}


def register(
    stage: Register, bundle: formats.Bundle, verdict: Verdict, evaluation: formats.Evaluation, *, context: Context
) -> Registration:
    """Make a version, or find the one that the bundle has.

    Raises:
        StageError: the verdict speaks of another bundle, or refuses this one.
    """
    digest = context.digests.get("bundle", "")
    _check(verdict, digest)
    model = stage.model or context.place.recipe
    there = {item.digest for item in stage.registry.versions(model, context.place)}
    version = stage.registry.register(_new(model, digest, bundle, verdict, evaluation, context=context), context.place)
    if digest not in there:
        facts = {"version": version.version, "digest": digest, "metrics": dict(version.metrics)}
        context.audit("register", f"model/{model}", **facts, gates=verdict.summary())
    _point(stage, version, is_new=digest not in there, context=context)
    made = {"model": model, "version": version.version, "digest": digest, "alias": _ALIAS[stage.promote]}
    return Registration.create(context.output("registration"), made)


def _check(verdict: Verdict, digest: str) -> None:
    facts = verdict.facts
    if facts["candidate"] != digest:
        raise StageError(
            "the verdict is about another bundle",
            fix="let gates and register take their bundle from the same stage: see `inputs`",
        )
    if not facts["passed"]:
        raise StageError("the verdict refuses this bundle", fix="see what the gates found: mlops runs show last")


def _new(
    model: str,
    digest: str,
    bundle: formats.Bundle,
    verdict: Verdict,
    evaluation: formats.Evaluation,
    *,
    context: Context,
) -> NewVersion:
    facts, measured = evaluation.facts, evaluation.metrics["test"]
    known = {"gates": verdict.summary(), "headline": evaluation.headline, "task": str(facts["task"])}
    if facts.get("threshold"):
        known["threshold"] = repr(float(facts["threshold"]["value"]))
    return NewVersion(
        model=model,
        digest=digest,
        folder=bundle.folder,
        run=context.place.run,
        recipe=context.place.recipe,
        metrics={name: found["value"] for name, found in measured.items() if found["value"] is not None},
        facts=known,
    )


def _point(stage: Register, version: ModelVersion, *, is_new: bool, context: Context) -> None:
    """Point the alias, unless that would put an older version above a newer champion."""
    champion = stage.registry.holder(version.model, CHAMPION, context.place)
    if not is_new and champion is not None and champion.version > version.version:
        context.log.warning(
            "this bundle is version %d, which is older than the champion, version %d: it is not put above it;"
            " to go back: mlops models promote %s %d --why …",
            *(version.version, champion.version, version.model, version.version),
        )
    elif stage.promote == "after_deployment":
        challenge(stage.registry, version, context.place)
    elif stage.promote == "at_once":
        promote(stage.registry, version, context.place, why="registered with promote: at_once")
