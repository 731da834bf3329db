"""The contract of model families tells pickles from files that merely start like one."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any, Self

import pytest

from mlops.formats.model import Fitted
from mlops.testing.estimator import EstimatorContract
from mlops.testing.prepared import make_prepared


class Saved(Fitted):
    """A model that saves the bytes it is given."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def predict(self, matrix: Any) -> Any:
        return matrix

    def save(self, folder: Path) -> None:
        (folder / "model.bin").write_bytes(self._data)

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls((folder / "model.bin").read_bytes())

    def onnx(self) -> bytes:
        return b""


def check(data: bytes, folder: Path) -> None:
    EstimatorContract().test_saves_no_pickle((make_prepared(folder / "p", "binary", rows=4), Saved(data)), folder)


def tensors(length: int) -> bytes:
    header = json.dumps({"w": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}}).encode().ljust(length)
    return length.to_bytes(8, "little") + header


@pytest.mark.parametrize("length", [0x80, 0x0480, 0x9580])
def test_a_safetensors_file_may_start_with_the_byte_of_a_pickle(length: int, tmp_path: Path) -> None:
    assert tensors(length).startswith(b"\x80")
    check(tensors(length), tmp_path)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused(protocol: int, tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"model\.bin looks like a pickle or an archive"):
        check(pickle.dumps({"w": [1.0]}, protocol=protocol), tmp_path)


@pytest.mark.parametrize("data", [b"PK\x03\x04rest", tensors(0x80)[:-1], tensors(0x80).replace(b'"w"', b'"w:')])
def test_an_archive_or_a_damaged_header_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="looks like a pickle or an archive"):
        check(data, tmp_path)
