"""The work of the gates stage: find the champion, ask every gate, write the verdict or refuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops import formats
from mlops.errors import ArtifactDamaged, StageError
from mlops.formats.verdict import Verdict
from mlops.services.gate import Champion, Evidence, Finding, Gate
from mlops.services.registry import CHAMPION
from mlops.stage import Context
from mlops_release.page import fragment

if TYPE_CHECKING:
    from mlops_release.gates import Gates

__all__ = ["Judged", "judge"]

_DIGITS = 6
"""Digits that are kept: more would only tell how sums were ordered."""


@dataclass(frozen=True)
class Judged:
    """One gate and what it found."""

    name: str
    gate: Gate
    finding: Finding

    @property
    def refuses(self) -> bool:
        """Whether the model may not go on because of it."""
        return not self.finding.passed and self.gate.mode == "enforce"

    def to_json(self) -> dict[str, Any]:
        """Give what is kept."""
        found = self.finding
        details = [{key: _rounded(value) for key, value in row.items()} for row in found.details]
        return {
            "name": self.name,
            "mode": self.gate.mode,
            "passed": found.passed,
            "value": _rounded(found.value),
            "bound": _rounded(found.bound),
            "sentence": found.sentence,
            **({"details": details} if details else {}),
        }


def judge(
    stage: Gates, bundle: formats.Bundle, splits: formats.Splits, evaluation: formats.Evaluation, *, context: Context
) -> Verdict:
    """Ask every gate.

    Raises:
        StageError: a gate that is enforced fails, or a rule makes no sense here.
    """
    name = stage.model or context.place.recipe
    champion = _champion(stage, name, context) if stage.compares else None
    evidence = Evidence(bundle, splits, evaluation, champion, context)
    judged = list(_asked(stage, evidence))
    facts = _facts(judged, name, champion, candidate=context.digests.get("bundle", ""))
    _refuse(judged, name, facts, context=context)
    return Verdict.create(context.output("verdict"), facts, fragment=fragment(facts))


def _champion(stage: Gates, model: str, context: Context) -> Champion | None:
    registry = stage.registry
    if registry is None:
        return None
    holders = [item for item in registry.versions(model, context.place) if CHAMPION in item.aliases]
    if not holders:
        return None
    version = holders[0]
    try:
        return Champion(version, formats.Bundle(registry.bundle(version, context.place)))
    except ArtifactDamaged as exc:
        raise StageError(
            f"the champion, version {version.version} of {model}, cannot be read: {exc.what}",
            where=exc.where,
            fix=f"let another version be the champion: mlops models promote {model} VERSION --why …",
        ) from exc


def _asked(stage: Gates, evidence: Evidence) -> Sequence[Judged]:
    context = evidence.context
    found: list[Judged] = []
    asked = {name: gate for name, gate in stage.rules.items() if gate.mode != "off"}
    for place, (name, gate) in enumerate(asked.items()):
        context.progress(place, len(asked), name)
        judged = Judged(name, gate, _judged(name, gate, evidence))
        _tell(judged, context)
        found.append(judged)
    return found


def _judged(name: str, gate: Gate, evidence: Evidence) -> Finding:
    try:
        return gate.judge(evidence)
    except StageError as exc:
        where = ", ".join(part for part in (f"gate {name}", exc.where) if part)
        raise StageError(exc.what, where=where, fix=exc.fix) from exc


def _tell(judged: Judged, context: Context) -> None:
    found = judged.finding
    said = f"{judged.name}: {found.sentence}" + (f" ({found.aside})" if found.aside else "")
    if found.passed:
        context.log.info("%s", said)
    else:
        context.log.warning("gate failed: %s", said)
    context.metric(f"{judged.name}.passed", float(found.passed))
    if found.value is not None:
        context.metric(judged.name, found.value)
    for name, value in found.metrics.items():
        context.metric(f"{judged.name}.{name}", value)


def _facts(judged: Sequence[Judged], model: str, champion: Champion | None, *, candidate: str) -> dict[str, Any]:
    version = champion.version if champion else None
    return {
        "passed": not any(item.refuses for item in judged),
        "model": model,
        "candidate": candidate,
        "champion": {"model": version.model, "version": version.version, "digest": version.digest} if version else None,
        "gates": [item.to_json() for item in judged],
    }


def _refuse(judged: Sequence[Judged], model: str, facts: dict[str, Any], *, context: Context) -> None:
    failed = [item for item in judged if item.refuses]
    if not failed:
        return
    context.audit(
        "refused",
        f"model/{model}",
        digest=facts["candidate"],
        champion=facts["champion"],
        why="; ".join(f"{item.name}: {item.finding.sentence}" for item in failed),
        gates=facts["gates"],
    )
    lines = [_line(item) for item in failed]
    count = f"{len(failed)} of {len(judged)} gates" if len(judged) > 1 else "its gate"
    fixes = [item.finding.fix for item in failed if item.finding.fix]
    raise StageError(
        "\n".join([f"the model is refused by {count}; nothing is registered", *lines]),
        where=f"gates.rules.{failed[0].name}",
        fix=fixes[0] if fixes else f"improve the model, or set gates.rules.{failed[0].name}.mode=warn",
    )


def _line(item: Judged) -> str:
    aside = f" ({item.finding.aside})" if item.finding.aside else ""
    return f"  {item.name}: {item.finding.sentence}{aside}"


def _rounded(value: Any) -> Any:
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
