"""The contract of a model family, as a test class that plugin authors subclass.

Example:
    class TestMyFamily(EstimatorContract):
        def estimator(self, task):
            return MyFamily(rounds=5)
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from mlops.formats.features import Prepared
from mlops.formats.model import Estimator, Fitted
from mlops.formats.splits import PARTS, PartName
from mlops.formats.table import Task
from mlops.testing.context import make_context
from mlops.testing.prepared import make_prepared

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

__all__ = ["EstimatorContract"]

_LEAST_SIGNAL = 0.7
"""Share of the constant guess's loss below which a fit counts as having learnt; the data is easy."""

_PICKLE_OR_ARCHIVE = (b"\x80", b"PK\x03\x04")
_LENGTH = 8
"""Bytes of the length, little-endian, that a safetensors file opens with; that many bytes of a JSON object follow."""


def _require(condition: object, message: str) -> None:
    """Fail a test; a plain assert would lose its message outside of rewritten modules."""
    if not condition:
        pytest.fail(message, pytrace=False)


class EstimatorContract:
    """What every model family must hold; a subclass says how to make one for a task."""

    tasks: ClassVar[tuple[Task, ...]] = ("binary", "multiclass", "regression")
    """Tasks that the family can do."""

    onnx_tolerance: ClassVar[float] = 1e-5
    """Largest difference between graph and native model, relative for values above 1."""

    load_tolerance: ClassVar[float] = 0.0
    """The same for a model before it is saved and after it is loaded: 0 unless it loads as its graph."""

    heeds_weights: ClassVar[bool] = True
    """Whether the family can take row weights."""

    def estimator(self, task: Task) -> Estimator:
        """Make the family under test, small and quick."""
        raise NotImplementedError

    def prepare(self, folder: Path, task: Task) -> Prepared:
        """Make small prepared parts that the family can learn from; a quantity ``first`` must be among them."""
        return make_prepared(folder, task)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each test once for each task that the family can do."""
        if "task" in metafunc.fixturenames:
            metafunc.parametrize("task", self.tasks, scope="class")

    @pytest.fixture(scope="class")
    @classmethod
    def shared(cls, task: Task, tmp_path_factory: pytest.TempPathFactory) -> tuple[Prepared, Fitted]:
        """Prepared parts and one fit on them, for all tests that change neither."""
        made, folder = cls(), tmp_path_factory.mktemp("shared")
        prepared = made.prepare(folder / "prepared", task)
        return prepared, made.fit(prepared, folder / "work")

    @pytest.fixture
    def prepared(self, task: Task, tmp_path: Path) -> Prepared:
        """Small prepared parts."""
        return self.prepare(tmp_path / "prepared", task)

    def fit(self, prepared: Prepared, folder: Path, *, seed: int = 0) -> Fitted:
        """Fit as the train stage does, with one thread."""
        return self.estimator(prepared.facts.task).fit(prepared, context=make_context(folder, seed=seed))

    def test_predicts_one_score_a_class_or_one_value(self, shared: tuple[Prepared, Fitted]) -> None:
        """Scores are float64 (rows, classes), each row a distribution; values are (rows, 1)."""
        prepared, fitted = shared
        scores = fitted.predict(prepared.matrix("test"))
        classes = len(prepared.facts.classes)
        expected = (prepared.rows("test"), classes or 1)
        _require(scores.shape == expected, f"predict gives {scores.shape}, expected {expected}")
        _require(scores.dtype == "float64", f"predict gives {scores.dtype}, expected float64")
        if classes:
            _require((scores >= 0).all(), "a probability is negative")
            _require(abs(scores.sum(axis=1) - 1).max() < 1e-6, "the probabilities of a row do not sum to 1")

    def test_learns_what_is_easy(self, shared: tuple[Prepared, Fitted]) -> None:
        """The held-out loss is well below that of a constant guess."""
        prepared, fitted = shared
        scores = fitted.predict(prepared.matrix("test"))
        share = _relative_loss(scores, prepared.target("test"), prepared.target("train"), prepared.facts.task)
        _require(share < _LEAST_SIGNAL, f"the loss is {share:.2f} of a constant guess's: nothing was learnt")

    def test_fits_the_same_from_the_same_seed(self, shared: tuple[Prepared, Fitted], tmp_path: Path) -> None:
        """Two fits save the same bytes and export the same graph."""
        prepared, first = shared
        second = self.fit(prepared, tmp_path / "work")
        _require(_saved(first, tmp_path / "a") == _saved(second, tmp_path / "b"), "two fits save different bytes")
        _require(first.onnx() == second.onnx(), "two fits export different graphs")

    def test_loads_what_it_saved(self, shared: tuple[Prepared, Fitted], tmp_path: Path) -> None:
        """A loaded model predicts the same (bits, unless it loads as its graph) and exports the same graph."""
        prepared, fitted = shared
        _saved(fitted, tmp_path / "native")
        loaded = type(fitted).load(tmp_path / "native")
        before, after = (model.predict(prepared.matrix("test")) for model in (fitted, loaded))
        gap = float((abs(after - before) / abs(before).clip(min=1)).max())
        _require(gap <= self.load_tolerance, f"the loaded model's predictions differ by {gap:.3g}")
        _require(loaded.onnx() == fitted.onnx(), "the loaded model exports another graph")

    def test_saves_no_pickle(self, shared: tuple[Prepared, Fitted], tmp_path: Path) -> None:
        """Saved files are data: none starts like a pickle or an archive of one."""
        for name, data in _saved(shared[1], tmp_path / "native").items():
            _require(not _is_pickle_or_archive(data), f"{name} looks like a pickle or an archive")

    def test_exports_a_graph_that_predicts_the_same(self, shared: tuple[Prepared, Fitted]) -> None:
        """ONNX equals native on rows seen, not seen, far away, and with a code that training never saw."""
        prepared, fitted = shared
        matrix = _with_strange_rows(prepared.matrix("test"))
        native, exported = fitted.predict(matrix), _run(fitted.onnx(), matrix)
        _require(exported.shape == native.shape, f"the graph gives {exported.shape}, native {native.shape}")
        gap = float((abs(exported - native) / abs(native).clip(min=1)).max())
        _require(gap <= self.onnx_tolerance, f"graph and native differ by {gap:.3g}")

    def test_never_reads_the_test_part(
        self, shared: tuple[Prepared, Fitted], prepared: Prepared, tmp_path: Path
    ) -> None:
        """A fit works, and is the same, when the test part is not there."""
        whole = _saved(shared[1], tmp_path / "a")
        (prepared.folder / "test.parquet").unlink()
        _require(_saved(self.fit(prepared, tmp_path / "work"), tmp_path / "b") == whole, "the test part had a say")

    def test_fits_without_validation_rows(self, shared: tuple[Prepared, Fitted], tmp_path: Path) -> None:
        """An empty validation part is no reason to fail."""
        prepared, _ = shared
        parts: dict[PartName, Any] = {part: prepared.read(part) for part in PARTS}
        parts["validation"] = parts["validation"].clear()
        (tmp_path / "bare").mkdir()
        bare = Prepared.create(tmp_path / "bare", parts, facts=prepared.facts)
        self.fit(bare, tmp_path / "work").predict(bare.matrix("test"))

    def test_heeds_row_weights(self, shared: tuple[Prepared, Fitted], tmp_path: Path) -> None:
        """Weights change what is learnt."""
        if not self.heeds_weights:
            pytest.skip("this family takes no row weights")
        plain, fitted = shared
        parts: dict[PartName, Any] = {part: _weighed(plain.read(part)) for part in PARTS}
        (tmp_path / "heavy").mkdir()
        heavy = Prepared.create(tmp_path / "heavy", parts, facts=plain.facts)
        scores = [model.predict(plain.matrix("test")) for model in (fitted, self.fit(heavy, tmp_path / "work"))]
        _require((scores[0] != scores[1]).any(), "weights change nothing")

    def test_weighs_only_known_features(self, shared: tuple[Prepared, Fitted]) -> None:
        """Importances, when there are any, are finite, not negative, and of features that exist."""
        prepared, fitted = shared
        for name, value in fitted.importances().items():
            _require(name in prepared.facts.features, f"there is no feature {name!r}")
            _require(0 <= value < float("inf"), f"the importance of {name!r} is {value}")


def _relative_loss(scores: Array, target: Array, train: Array, task: Task) -> float:
    """Squared error of scores over that of always guessing the train mean (of each class)."""
    import numpy as np

    truth = target.reshape(-1, 1) if task == "regression" else np.eye(scores.shape[1])[target]
    guess = train.mean() if task == "regression" else np.eye(scores.shape[1])[train].mean(axis=0)
    return float(((scores - truth) ** 2).mean() / ((guess - truth) ** 2).mean())


def _saved(fitted: Fitted, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    fitted.save(folder)
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _is_pickle_or_archive(data: bytes) -> bool:
    """Judge by the first bytes; those of a safetensors file may be a pickle's by chance, as part of the length."""
    return data.startswith(_PICKLE_OR_ARCHIVE) and not _is_safetensors(data)


def _is_safetensors(data: bytes) -> bool:
    end = _LENGTH + int.from_bytes(data[:_LENGTH], "little")
    if data[_LENGTH : _LENGTH + 1] != b"{" or end > len(data):
        return False
    try:
        return isinstance(json.loads(data[_LENGTH:end]), dict)
    except ValueError:
        return False


def _with_strange_rows(matrix: Array) -> Array:
    import numpy as np

    far = matrix[:8] * np.float32(50)
    far[:, 2] = matrix[:8, 2]
    unseen = matrix[:8].copy()
    unseen[:, 2] = 99
    return np.vstack([matrix, far, unseen]).astype(np.float32)


def _weighed(frame: Any) -> Any:
    """Rows with a low first feature count ten times."""
    import polars as pl

    return frame.with_columns(pl.when(pl.col("first") < 0).then(10.0).otherwise(1.0).alias("__weight__"))


def _run(graph: bytes, matrix: Array) -> Array:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    found: Array = session.run(["scores"], {"features": matrix})[0].astype("float64")
    return found
