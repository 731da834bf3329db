from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from mlops.errors import StageError
from mlops_lightning.checkpoint_codec import decode, encode
from mlops_lightning.checkpoints import Checkpoints

leaves = some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text()
trees = some.recursive(
    leaves,
    lambda inner: (
        some.lists(inner)
        | some.lists(inner).map(tuple)
        | some.dictionaries(some.text() | some.integers(), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(trees)
def test_a_tree_comes_back_as_it_was(tree: object) -> None:
    assert decode(encode(tree)) == tree


def test_tensors_come_back_to_the_bit() -> None:
    for dtype in (torch.float32, torch.bfloat16, torch.int64, torch.bool, torch.uint8):
        tensor = torch.arange(6).reshape(2, 3).to(dtype)
        found = decode(encode({"a": [tensor], "b": tensor.T}))
        assert found["a"][0].dtype == dtype
        assert torch.equal(found["a"][0], tensor)
        assert torch.equal(found["b"], tensor.T)
    assert (decode(encode(np.arange(3))) == np.arange(3)).all()


def test_what_is_no_data_is_refused() -> None:
    with pytest.raises(StageError, match="cannot hold a function") as caught:
        encode({"state": [len, (lambda: 0)]} | {"state": [lambda: 0]})
    assert caught.value.where == "checkpoint.state.0"


def test_the_newest_is_read_and_the_last_two_are_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, fingerprint="a")
    for number in range(4):
        checkpoints.save({"number": number})
    assert len(list(tmp_path.iterdir())) == 2
    assert checkpoints.load(warn=pytest.fail) == {"number": 3}


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_a_damaged_one_is_passed_over(tmp_path: Path, damage: str) -> None:
    checkpoints = Checkpoints(tmp_path, fingerprint="a")
    checkpoints.save({"number": 1, "tensor": torch.zeros(9)})
    newest = checkpoints.save({"number": 2, "tensor": torch.zeros(9)})
    data = newest.read_bytes()
    broken = {"flip": data[:-1] + b"\x01", "cut": data[: len(data) // 2], "empty": b""}[damage]
    newest.write_bytes(broken)
    said: list[str] = []
    assert checkpoints.load(warn=said.append)["number"] == 1
    assert "is damaged" in said[0]


def test_the_checkpoint_of_another_fit_is_none(tmp_path: Path) -> None:
    Checkpoints(tmp_path, fingerprint="a").save({})
    assert Checkpoints(tmp_path, fingerprint="b").load(warn=pytest.fail) is None


def test_what_a_kill_left_half_written_is_no_checkpoint(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "new", fingerprint="a")
    assert checkpoints.load(warn=pytest.fail) is None
    checkpoints.save({"number": 1})
    (tmp_path / "new" / ".checkpoint.tmp").write_bytes(b"half")
    assert checkpoints.load(warn=pytest.fail) == {"number": 1}
