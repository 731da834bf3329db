"""Whether a model may go on: what each gate found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from mlops.formats.artifact import Artifact, write_json

__all__ = ["Verdict"]


class Verdict(Artifact):
    """``verdict.json`` and ``fragment.html`` (what a run's page shows of it).

    The facts hold ``passed``; ``candidate`` (digest of the bundle); ``champion`` (model, version and
    digest of what it was compared with, or null); and ``gates``: a list of ``name``, ``mode`` (warn or
    enforce), ``passed``, ``value``, ``bound``, ``sentence``.
    """

    format = "verdict"

    @classmethod
    def create(cls, folder: Path, facts: Mapping[str, Any], *, fragment: str) -> Self:
        """Write what was found."""
        write_json(folder / "verdict.json", dict(facts))
        (folder / "fragment.html").write_text(fragment, encoding="utf-8")
        return cls(folder)

    @property
    def facts(self) -> dict[str, Any]:
        """What each gate found."""
        return dict(self.read_json("verdict.json"))

    def summary(self) -> str:
        """How many gates were passed."""
        gates = self.facts["gates"]
        champion = self.facts["champion"]
        beside = f", beside version {champion['version']}" if champion else ""
        return f"{sum(gate['passed'] for gate in gates)} of {len(gates)} gates passed{beside}"
