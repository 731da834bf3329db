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

__all__ = ["Measurer"]


class Measurer:
    """Measures the ingredients of one recipe's steps."""

    def __init__(self, project: Project, recipe: Recipe) -> None:
        self._project = project
        self._recipe = recipe
        self._files = FileDigests(project.state / "cache" / "digests.json")
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
        return Ingredients(
            target=section.target,
            code=code,
            libraries=self._libraries([name for cls in classes for name in cls.libraries]),
            parameters=self._mask.deep(section.parameters),
            seed=self._recipe.head.seed,
            sources={**self._sources(section), **self._environment(section)},
        )

    def save(self) -> None:
        """Keep the digests for the next plan."""
        self._files.save()

    def _libraries(self, names: list[str]) -> dict[str, str]:
        unknown = [name for name in names if name not in self._versions]
        if unknown:
            self._versions.update(versions(unknown))
        return {name: self._versions[name] for name in sorted(set(names))}

    def _sources(self, section: Section) -> dict[str, str]:
        found: dict[str, str] = {}
        for source in section.stage.sources():
            try:
                found[self._named(source)] = self._files.source_digest(source, self._project.find)
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
        key = next((k for k, v in _leaves(section.parameters) if self._mask(source) == v), "")
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
