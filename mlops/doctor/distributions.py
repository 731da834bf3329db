"""Installed distributions and what they ask for, read from their metadata alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from typing import Any

__all__ = ["OURS", "Installed", "canonical"]

OURS = "mlops"
"""Name of this distribution."""


def canonical(name: str) -> str:
    """Write a distribution's name in the one form in which names are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True)
class Installed:
    """What is installed."""

    versions: Mapping[str, str]
    """Canonical name → version."""

    requirements: Mapping[str, tuple[str, ...]]
    """Canonical name → what it requires, as written."""

    python: str = ""
    """Range of Python versions that this distribution asks for."""

    extras: tuple[str, ...] = ()
    """This distribution's extras."""

    @classmethod
    def here(cls) -> Installed:
        """Look at the search path of this process; the first of a name wins, as in an import."""
        versions: dict[str, str] = {}
        requirements: dict[str, tuple[str, ...]] = {}
        python, extras = "", ()
        for found in distributions():
            name = canonical(found.metadata["Name"] or "")
            if not name or name in versions:
                continue
            versions[name] = found.version
            requirements[name] = tuple(found.requires or ())
            if name == OURS:
                python = found.metadata["Requires-Python"] or ""
                extras = tuple(found.metadata.get_all("Provides-Extra") or ())
        return cls(versions, requirements, python, extras)

    def has(self, name: str) -> bool:
        """Tell whether a distribution is installed."""
        return canonical(name) in self.versions

    def wanted_by(self, name: str, *, extra: str = "") -> list[Any]:
        """Give what a distribution requires on this machine, with one of its extras or none.

        Returns:
            `packaging` requirements; with an extra only those that it adds.
        """
        from packaging.requirements import InvalidRequirement, Requirement

        found = []
        for text in self.requirements.get(canonical(name), ()):
            try:
                requirement = Requirement(text)
            except InvalidRequirement:
                continue
            marker = requirement.marker
            plain = marker is None or marker.evaluate({"extra": ""})
            if plain if not extra else (not plain and marker is not None and marker.evaluate({"extra": extra})):
                found.append(requirement)
        return found

    def unmet(self, requirements: Iterable[Any]) -> list[str]:
        """Name the requirements that what is installed does not meet, with what there is."""
        return [text for requirement in requirements if (text := self._unmet(requirement))]

    def _unmet(self, requirement: Any) -> str:
        version = self.versions.get(canonical(requirement.name))
        wanted = f"{requirement.name}{requirement.specifier}"
        if version is None:
            return f"{wanted} is not installed"
        if not requirement.specifier.contains(version, prereleases=True):
            return f"{wanted} is asked for, {version} is installed"
        return ""
