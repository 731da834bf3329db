"""Who needs which artifacts."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.errors import ProjectError
from mlops.services.pins import pin, pinned, pins


def test_pins_are_told_by_owner_and_by_digest(tmp_path: Path) -> None:
    pin(tmp_path, "model/flights", ["b", "a", "a"])
    pin(tmp_path, "deployment/flights", ["a"])
    assert pins(tmp_path) == {"model/flights": ("a", "b"), "deployment/flights": ("a",)}
    assert set(pinned(tmp_path)) == {"a", "b"}


def test_an_owner_that_let_go_of_all_is_none(tmp_path: Path) -> None:
    pin(tmp_path, "model/flights", ["a"])
    pin(tmp_path, "model/flights", [])
    assert pins(tmp_path) == {}


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    pin(tmp_path, "model/flights", ["a"])
    next((tmp_path / "pins").iterdir()).write_text("[]")
    with pytest.raises(ProjectError, match="a file of pinned artifacts is damaged"):
        pins(tmp_path)
