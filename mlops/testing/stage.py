"""The contract of every stage; subclass `StageContract` in a test module to check your own."""

from __future__ import annotations

import hashlib
import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from mlops.describe import fields, one_line
from mlops.formats.artifact import Artifact
from mlops.plan.wiring import ports
from mlops.services.executor import Call, collect
from mlops.stage import Context, Stage
from mlops.testing.context import make_context

__all__ = ["StageContract"]

_HEAVY = ("polars", "numpy", "pandas", "sklearn", "lightgbm", "torch", "onnx", "matplotlib", "scipy")


class StageContract(ABC):
    """What the engine relies on in a stage. pytest collects the tests of a subclass called ``Test…``.

    class TestHead(StageContract):
        def stage(self): return Head(rows=2)
        def inputs(self, folder):
            (folder / "table").mkdir()
            return {"table": Table.create(folder / "table", frame, roles=Roles())}
    """

    @abstractmethod
    def stage(self) -> Stage:
        """Make the stage to test."""

    def inputs(self, folder: Path) -> Mapping[str, Artifact]:
        """Make its inputs, each in ``folder / name`` (``folder`` is empty when called)."""
        del folder
        return {}

    def context(self, folder: Path, *, cpus: int = 1) -> Context:
        """Make what it works with; a stage with an effect outside its outputs gets its `place` and `digests` here."""
        return make_context(folder, seed=7, cpus=cpus)

    def made(self, folder: Path, *, cpus: int = 1) -> dict[str, Path]:
        """Run the stage once; output → folder."""
        stage = self.stage()
        context = self.context(folder / "work", cpus=cpus)
        given = folder / "inputs"
        given.mkdir()
        found = ports(type(stage))
        call = Call(stage, type(stage).__qualname__, {}, self.inputs(given), found.outputs, context, folder)
        return collect(call)

    def test_its_inputs_and_outputs_are_formats(self) -> None:
        """The annotations of ``run`` can be read."""
        found = ports(type(self.stage()))
        assert not found.problem, found.problem
        assert found.outputs

    def test_it_says_what_it_is(self) -> None:
        """The class and each of its fields have a sentence."""
        stage = type(self.stage())
        assert one_line(stage), f"{stage.__name__} has no docstring"
        silent = [field.name for field in fields(stage) if not field.description]
        assert not silent, f"fields without a sentence: {', '.join(silent)}"

    def test_it_cannot_be_changed(self) -> None:
        """It is frozen and refuses unknown keys."""
        config = type(self.stage()).model_config
        assert config.get("frozen")
        assert config.get("extra") == "forbid"

    def test_it_makes_what_it_declares_in_its_own_folder(self, tmp_path: Path) -> None:
        """Every output lies in the work folder, in a folder of its own."""
        made = self.made(tmp_path)
        assert list(made) == list(ports(type(self.stage())).outputs)
        for name, folder in made.items():
            assert folder.is_relative_to(tmp_path / "work"), f"{name} was written to {folder}"
        assert len(set(made.values())) == len(made)

    def test_the_same_work_gives_the_same_bytes(self, tmp_path: Path) -> None:
        """Two runs from the same inputs and seed cannot be told apart: reuse depends on it."""
        (tmp_path / "first").mkdir()
        (tmp_path / "second").mkdir()
        first, second = self.made(tmp_path / "first"), self.made(tmp_path / "second")
        for name in first:
            assert _bytes_of(first[name]) == _bytes_of(second[name]), f"{name} differs"

    def test_it_leaves_its_inputs_alone(self, tmp_path: Path) -> None:
        """Artifacts are immutable."""
        before = tmp_path / "before"
        before.mkdir()
        untouched = {name: _bytes_of(artifact.folder) for name, artifact in self.inputs(before).items()}
        used = tmp_path / "used"
        used.mkdir()
        self.made(used)
        for name, digests in untouched.items():
            assert _bytes_of(used / "inputs" / name) == digests, f"the input {name} was changed"

    def test_its_module_is_light(self) -> None:
        """The module that declares it imports no heavy library at its top."""
        source = inspect.getsource(inspect.getmodule(type(self.stage())) or type(self.stage()))
        heavy = tuple(f"{word} {name}" for word in ("import", "from") for name in _HEAVY)
        tops = [line for line in source.splitlines() if line.startswith(heavy)]
        assert not tops, f"imported at the top: {tops}"


def _bytes_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.blake2b(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
