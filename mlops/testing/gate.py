"""The contract of every gate; subclass `GateContract` in a test module to check your own."""

from __future__ import annotations

import inspect
import json
from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path

from mlops.describe import fields, one_line
from mlops.services.gate import Evidence, Gate
from mlops.testing.evidence import make_champion, make_evidence

__all__ = ["GateContract"]

_HEAVY = ("polars", "numpy", "pandas", "sklearn", "torch", "onnx", "scipy")


class GateContract(ABC):
    """What the stage ``gates`` relies on. pytest collects the tests of a subclass called ``Test…``.

    class TestMine(GateContract):
        def passes(self): return Mine(most=1.0)
        def fails(self): return Mine(most=0.0)
    """

    @abstractmethod
    def passes(self) -> Gate:
        """Make a gate that the evidence passes."""

    @abstractmethod
    def fails(self) -> Gate:
        """Make a gate that it does not pass."""

    def evidence(self, folder: Path) -> Evidence:
        """Make the evidence, in a folder that does not exist yet; see `make_evidence`."""
        champion = make_champion(folder / "champion", slope=0.9) if self.passes().compares else None
        return make_evidence(folder / "candidate", champion=champion)

    def test_it_passes_what_is_good(self, tmp_path: Path) -> None:
        """A model that keeps the rule goes on."""
        found = self.passes().judge(self.evidence(tmp_path / "evidence"))
        assert found.passed, found.sentence

    def test_it_fails_what_is_bad(self, tmp_path: Path) -> None:
        """A model that breaks the rule does not."""
        found = self.fails().judge(self.evidence(tmp_path / "evidence"))
        assert not found.passed, found.sentence

    def test_it_says_what_it_found(self, tmp_path: Path) -> None:
        """A sentence for people, and numbers that JSON can hold."""
        for gate in (self.passes(), self.fails()):
            found = gate.judge(self.evidence(tmp_path / f"evidence-{gate.mode}-{id(gate)}"))
            assert found.sentence
            assert json.loads(json.dumps([found.value, found.bound, list(found.details)], allow_nan=False))

    def test_it_finds_the_same_again(self, tmp_path: Path) -> None:
        """Equal evidence gives an equal finding, but for what is not kept."""
        findings = [
            replace(self.passes().judge(self.evidence(tmp_path / name)), aside="", metrics={}) for name in ("a", "b")
        ]
        assert findings[0] == findings[1]

    def test_it_manages_without_a_champion(self, tmp_path: Path) -> None:
        """The first model of all has none to be held against."""
        evidence = self.evidence(tmp_path / "evidence")
        self.passes().judge(replace(evidence, champion=None))

    def test_it_enforces_unless_told_otherwise(self) -> None:
        """Its mode is the one that the stage reads."""
        assert self.passes().mode == "enforce"

    def test_it_says_what_it_is(self) -> None:
        """The class and each of its fields have a sentence."""
        kind = type(self.passes())
        assert one_line(kind), f"{kind.__name__} has no docstring"
        silent = [field.name for field in fields(kind) if not field.description]
        assert not silent, f"fields without a sentence: {', '.join(silent)}"

    def test_its_module_is_light(self) -> None:
        """The module that declares it imports no heavy library at its top."""
        source = inspect.getsource(inspect.getmodule(type(self.passes())) or type(self.passes()))
        heavy = tuple(f"{word} {name}" for word in ("import", "from") for name in _HEAVY)
        assert not [line for line in source.splitlines() if line.startswith(heavy)]
