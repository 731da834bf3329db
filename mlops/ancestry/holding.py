"""What holds now, as the project's registry and its deployments have it: aliases, and who serves which version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from mlops.deploying.groups import built
from mlops.deploying.standing import target_of
from mlops.errors import MlopsError
from mlops.model_registry import open_registry
from mlops.project import Project
from mlops.run_reading import Run
from mlops.services.registry import CHALLENGER, CHAMPION, ModelVersion, Registry
from mlops.services.target import Deployed, Served, remembered
from mlops.stage import Place
from mlops.workspace import Workspace

__all__ = ["Now"]

_CHOICE = "mlflow"
"""The registry of a project that says nothing else."""


@dataclass(frozen=True)
class Now:
    """Asks a project how things are at this moment; whoever cannot be asked is passed over."""

    project: Project

    def holder(self, model: str, alias: str) -> ModelVersion | None:
        """Give the version an alias points at; None when there is none, or the registry cannot be asked."""
        if alias.isdecimal() or not alias:
            return None
        try:
            return self._registry({}).holder(model, alias, self._place)
        except MlopsError:
            return None

    def versions(self, model: str) -> tuple[ModelVersion, ...]:
        """List the versions of a model; none when there are none, or the registry does not tell."""
        try:
            return self._registry({}).known(model, self._place) or ()
        except MlopsError:
            return ()

    def aliases(self, run: Run, model: str, version: str) -> tuple[str, ...] | None:
        """Name the aliases of a version that a run registered; None when its registry cannot be asked."""
        try:
            registry = self._registry(self._section(run))
            known = registry.known(model, self._place)
            if known is not None:
                return next((item.aliases for item in known if str(item.version) == version), None)
            held = {alias: registry.holder(model, alias, self._place) for alias in (CHAMPION, CHALLENGER)}
        except MlopsError:
            return None
        return tuple(alias for alias, holder in held.items() if holder and str(holder.version) == version)

    def leading(self, name: str) -> Served | None:
        """Give the version that leads a deployment; None when there is no such deployment, or nothing leads."""
        found = next((item for item in self._deployments(name)), None)
        return found.leading if found else None

    @cached_property
    def deployments(self) -> tuple[Deployed, ...]:
        """Tell how all deployments are."""
        return self._deployments()

    def _deployments(self, name: str = "") -> tuple[Deployed, ...]:
        found = []
        try:
            names = [known for known in remembered(self._place) if name in ("", known)]
        except MlopsError:
            return ()
        for known in names:
            try:
                found.append(target_of(self._work, self._place, known).status(known, self._place))
            except MlopsError as exc:
                found.append(Deployed(known, "?", "failed", note=exc.what))
        return tuple(found)

    def _registry(self, section: Mapping[str, Any]) -> Registry:
        """Build the registry that a recipe names, or the one of the config group."""
        if not section.get("_target_"):
            return open_registry(self._work, (), choice=_CHOICE)
        made: Registry = built(self._work, section, kind=Registry, where="the run's recipe")
        return made

    def _section(self, run: Run) -> Mapping[str, Any]:
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            kept = yaml.load((run.folder / "recipe.yaml").read_bytes(), Loader=loader)  # noqa: S506 - a safe one
        except (OSError, ValueError, yaml.YAMLError):
            return {}
        section = kept.get("registry") if isinstance(kept, dict) else None
        return section if isinstance(section, dict) else {}

    @cached_property
    def _work(self) -> Workspace:
        return Workspace(self.project)

    @property
    def _place(self) -> Place:
        return Place(self.project.root, self.project.state)
