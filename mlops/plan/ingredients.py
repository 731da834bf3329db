"""Everything that a step's key is made of, its inputs aside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlops.errors import Fault, ProjectError
from mlops.fingerprint import CodeDigests, FileDigests, Ingredients, versions
from mlops.masking import REFERENCE, SHORTEST, Mask
from mlops.origin import dotted
from mlops.project import Project
from mlops.recipe.model import Recipe, Section
from mlops.salting import hidden
from mlops.services.versions import revision_of
from mlops.versioned import Measured, Sources

__all__ = ["Measurer"]


class Measurer:
    """Measures the ingredients of one recipe's steps."""

    def __init__(self, project: Project, recipe: Recipe) -> None:
        self._project = project
        self._recipe = recipe
        self._files = FileDigests(project.state / "cache" / "digests.json")
        self._outside = Sources(project)
        self._code = CodeDigests((project.plugins,), self._files)
        self._mask = Mask(recipe.secrets)
        self._versions: dict[str, str] = {}
        self.faults: list[Fault] = []

    def measure(self, section: Section) -> Ingredients:
        """Measure one step; a missing source is kept as a fault."""
        classes = (type(section.stage), *section.parts)
        code: dict[str, str] = {}
        for module in dict.fromkeys(cls.__module__ for cls in classes):
            code.update(self._code.files_of(module))
        parameters, located_by = self._mask.deep(section.parameters), section.stage.located_by
        sources = self._sources(section)
        versions = {name: self._mask.deep(found.version) for name, found in sources.items() if found.version}
        return Ingredients(
            target=section.target,
            code=code,
            libraries=self._libraries([name for cls in classes for name in cls.libraries]),
            parameters={key: value for key, value in parameters.items() if key not in located_by},
            seed=self._recipe.head.seed,
            sources={**{name: found.digest for name, found in sources.items()}, **self._environment(section)},
            located={key: parameters[key] for key in located_by if key in parameters},
            versions=versions,
        )

    def save(self) -> None:
        """Keep the digests for the next plan."""
        self._files.save()

    def _libraries(self, names: list[str]) -> dict[str, str]:
        unknown = [name for name in names if name not in self._versions]
        if unknown:
            self._versions.update(versions(unknown))
        return {name: self._versions[name] for name in sorted(set(names))}

    def _sources(self, section: Section) -> dict[str, Measured]:
        found: dict[str, Measured] = {}
        for source in section.stage.sources():
            try:
                measured = self._outside.measured(source, self._files)
                found[self._named(measured.path)] = measured
            except ProjectError as exc:
                self.faults.append(self._fault(section, source, exc))
        return found

    def _named(self, source: str) -> str:
        """Name a source without telling a secret that it is, holds, or was taken from."""
        for name, value in self._recipe.secrets.items():
            if len(value) >= SHORTEST and source in value:
                return f"${{oc.env:{name}}}"
        return self._mask(source)

    def _fault(self, section: Section, source: str, exc: ProjectError) -> Fault:
        written = [part for part in reversed(revision_of(source)) if part]
        key = next((k for part in written for k, v in _leaves(section.parameters) if self._mask(part) == v), "")
        path = (section.name, *key.split(".")) if key else (section.name,)
        place = self._recipe.origins.place(path)
        looked = ", ".join(str(base) for base in self._project.bases)
        fix = exc.fix or f"relative paths are looked up in {looked}"
        return Fault(dotted(path), str(place), self._mask(exc.what), self._mask(fix))

    def _environment(self, section: Section) -> dict[str, str]:
        """Count the values of environment variables without storing anything they could be guessed from."""
        names = sorted(set(REFERENCE.findall(json.dumps(section.parameters, default=str))))
        values = {f"${{oc.env:{name}}}": self._recipe.secrets[name] for name in names if name in self._recipe.secrets}
        return hidden(self._project.state, values)


def _leaves(value: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [leaf for key, item in value.items() for leaf in _leaves(item, f"{prefix}{key}.")]
    return [(prefix.rstrip("."), value)]
