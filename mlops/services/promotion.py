"""Who is champion: promotions and ways back, each written down before it takes effect.

The champion is an alias in the registry; which versions held it before is read from the audit log. A
deed is written first and the alias moved then, so that nothing happens unwritten; a process killed
between the two leaves a champion that the log does not know, which the next operation notices and
writes down, as it does when somebody moved the alias in the registry itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mlops.durable import locked
from mlops.errors import ProjectError
from mlops.services.audit import AuditLog, Deed
from mlops.services.registry import CHALLENGER, CHAMPION, ModelVersion, Registry
from mlops.services.target import Deployed, Served
from mlops.stage import Place

__all__ = ["Moved", "challenge", "promote", "rollback", "settle", "settle_due", "subject_of"]

_CHOICES = ("promote", "rollback", "noticed")
"""What is written when the champion changes."""


@dataclass(frozen=True)
class Moved:
    """Who is champion now, and who was before."""

    champion: ModelVersion
    previous: ModelVersion | None
    changed: bool
    """False when it was the champion already."""

    def to_json(self) -> dict[str, Any]:
        """Give the values that JSON can hold."""
        before = self.previous.version if self.previous else None
        return {"champion": self.champion.to_json(), "previous": before, "changed": self.changed}


def subject_of(model: str) -> str:
    """Name a model in the audit log."""
    return f"model/{model}"


def promote(
    registry: Registry, version: ModelVersion, place: Place, *, why: str, facts: Mapping[str, Any] | None = None
) -> Moved:
    """Make a version the champion; one that is already stays it, and nothing is written.

    Args:
        registry: where the version is.
        version: the new champion.
        place: where this is done.
        why: for the audit log.
        facts: further evidence for the log.
    """
    with _table(registry, version.model, place) as table:
        return table.moved("promote", version, why=why, facts=facts or {})


def rollback(registry: Registry, model: str, place: Place, *, why: str) -> Moved:
    """Make the version champion again that was it before the present one.

    Raises:
        ProjectError: there is no such model, or no champion before.
    """
    registry.find(model, "latest", place)
    with _table(registry, model, place) as table:
        return table.moved("rollback", table.before(), why=why, facts={})


def challenge(registry: Registry, version: ModelVersion, place: Place) -> None:
    """Let a version be the challenger, unless it is the champion."""
    with _table(registry, version.model, place) as table:
        if table.champion is None or table.champion.version != version.version:
            registry.point(version.model, CHALLENGER, version=version.version, place=place)


def settle(
    registry: Registry, deployed: Deployed, place: Place, *, model: str = "", tried: int | None = None
) -> Moved | None:
    """Draw the consequences of a rollout; again and again, with the same result.

    A challenger that leads a steady deployment becomes champion. One whose rollout was aborted is
    challenger no more; if the deployment went back from the champion itself, the version that serves is
    champion again, unless somebody has chosen since.

    Args:
        registry: where the versions are.
        deployed: how the deployment is.
        place: where this is done.
        model: that the deployment serves; told from what leads it when not given.
        tried: version of the rollout; the last one that the audit log says was deployed when not given.

    Returns:
        What became champion; None when nothing changed.
    """
    leading = deployed.leading
    name = model or (leading.model if leading else "")
    if not name or deployed.phase not in ("steady", "aborted"):
        return None
    with _table(registry, name, place) as table:
        if deployed.phase == "steady":
            return table.proved(leading, deployed) if leading else None
        brought = _brought(deployed, place) + ([] if tried is None else [tried])
        return table.dismissed(brought, leading, deployed)


def _brought(deployed: Deployed, place: Place) -> list[int]:
    """List the versions that were ever brought to a deployment, the latest last."""
    deeds = AuditLog(place.state).read(f"deployment/{deployed.name}")
    return [deed.facts["version"] for deed in deeds if deed.action == "deploy" and "version" in deed.facts]


def settle_due(registry: Registry, deployed: Deployed, place: Place) -> Moved | None:
    """Settle a rollout that has ended since anybody looked; light when there is none.

    For whoever is about to rely on who is champion: rollouts end by themselves, in the background.
    """
    leading = deployed.leading
    challenger = registry.holder(leading.model, CHALLENGER, place) if leading else None
    if leading is None or challenger is None:
        return None
    proved = deployed.phase == "steady" and leading.digest == challenger.digest
    failed = deployed.phase == "aborted" and leading.digest != challenger.digest
    return settle(registry, deployed, place) if proved or failed else None


@contextmanager
def _table(registry: Registry, model: str, place: Place) -> Iterator[_Table]:
    """Be the only one who moves champions in this project for the length of the block."""
    with locked(place.state / "registry" / "promotion.lock"):
        versions = {item.version: item for item in registry.versions(model, place)}
        table = _Table(registry, model, place, versions, AuditLog(place.state))
        table.notice()
        yield table


@dataclass
class _Table:
    """The versions of one model, and what the log says of them."""

    registry: Registry
    model: str
    place: Place
    versions: Mapping[int, ModelVersion]
    log: AuditLog

    @property
    def champion(self) -> ModelVersion | None:
        return self._holder(CHAMPION)

    def _holder(self, alias: str) -> ModelVersion | None:
        return next((item for item in self.versions.values() if alias in item.aliases), None)

    def notice(self) -> None:
        """Write down a champion that the log does not know."""
        champions = _champions(self.log.read(subject_of(self.model)))
        known = champions[-1] if champions else None
        actual = self.champion.version if self.champion else None
        if known != actual:
            why = "the registry says so: the alias was moved there, or an operation was cut short"
            self.log.write("noticed", subject_of(self.model), {"version": actual, "previous": known, "why": why})

    def before(self) -> ModelVersion:
        """Find the version that was champion before."""
        champions = _champions(self.log.read(subject_of(self.model)))
        now = self.champion.version if self.champion else None
        for number in reversed(champions):
            if number != now and number in self.versions:
                return self.versions[number]
        held = f"version {now} is the only one that ever was" if now else "no version is or was"
        raise ProjectError(
            f"the model {self.model!r} has no champion to go back to: {held}",
            fix=f"choose one yourself: mlops models promote {self.model} VERSION --why …",
        )

    def moved(self, action: str, version: ModelVersion, *, why: str, facts: Mapping[str, Any]) -> Moved:
        """Write the deed, then move the aliases."""
        before = self.champion
        changed = before is None or before.version != version.version
        if changed:
            known = {"version": version.version, "digest": version.digest, "why": why}
            previous = before.version if before else None
            self.log.write(action, subject_of(self.model), {**known, "previous": previous, **facts, **self._where()})
            self.registry.point(self.model, CHAMPION, version=version.version, place=self.place)
        self._dismiss(version.version)
        aliases = sorted({*version.aliases, CHAMPION} - {CHALLENGER})
        return Moved(replace(version, aliases=tuple(aliases)), before if changed else None, changed=changed)

    def proved(self, leading: Served, deployed: Deployed) -> Moved | None:
        """Make a challenger that leads champion."""
        challenger = self._holder(CHALLENGER)
        if challenger is None or leading.digest != challenger.digest:
            return None
        why = f"it leads the deployment {deployed.name}"
        moved = self.moved("promote", challenger, why=why, facts={"deployment": deployed.name})
        return moved if moved.changed else None

    def dismissed(self, brought: list[int], leading: Served | None, deployed: Deployed) -> Moved | None:
        """Take the aliases from versions that a deployment went back from; the last one brought was tried last."""
        leads = leading.version if leading else None
        if not brought:
            return None
        why = f"{deployed.name} went back" + (f": {deployed.note}" if deployed.note else "")
        challenger, champion = self._holder(CHALLENGER), self.champion
        if challenger is not None and challenger.version == brought[-1] != leads:
            known = {"version": challenger.version, "digest": challenger.digest, "why": why}
            self.log.write("dismiss", subject_of(self.model), {**known, "deployment": deployed.name, **self._where()})
            self._dismiss(challenger.version)
        back = self.versions.get(leads) if leads else None
        if back is None or champion is None or champion.version == leads or champion.version not in brought:
            return None
        if self._decided_after(deployed.since):
            return None
        return self.moved("rollback", back, why=why, facts={"deployment": deployed.name})

    def _decided_after(self, moment: str) -> bool:
        """Whether somebody chose the champion after a moment, which then stands."""
        chosen = [deed.time for deed in self.log.read(subject_of(self.model)) if deed.action in _CHOICES]
        try:
            return bool(moment and chosen) and datetime.fromisoformat(chosen[-1]) > datetime.fromisoformat(moment)
        except (ValueError, TypeError):  # a target that tells no time of use
            return False

    def _dismiss(self, version: int) -> None:
        challenger = self._holder(CHALLENGER)
        if challenger is not None and challenger.version == version:
            self.registry.point(self.model, CHALLENGER, version=None, place=self.place)

    def _where(self) -> dict[str, str]:
        known = {"recipe": self.place.recipe, "run": self.place.run}
        return {name: value for name, value in known.items() if value}


def _champions(deeds: Iterable[Deed]) -> list[int]:
    """List the versions that a way back leads through; the present champion is the last."""
    found: list[int] = []
    for deed in deeds:
        version = deed.facts.get("version")
        if deed.action == "promote" and version is not None:
            found.append(version)
        elif deed.action in _CHOICES:
            found = _back_to(version, found)
    return found


def _back_to(version: int | None, champions: list[int]) -> list[int]:
    if version is None:
        return []
    if version not in champions:
        return [*champions, version]
    last = len(champions) - 1 - champions[::-1].index(version)
    return champions[: last + 1]
