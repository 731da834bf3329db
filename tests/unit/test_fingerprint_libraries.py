from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from mlops.fingerprint.libraries import NOT_INSTALLED, installed, versions


def test_versions_are_those_that_the_metadata_tells() -> None:
    assert versions(["pydantic", "polars"]) == {"polars": version("polars"), "pydantic": version("pydantic")}


def test_a_name_may_be_written_in_any_way() -> None:
    assert versions(["Hydra_Core"]) == {"Hydra_Core": version("hydra-core")}


def test_a_missing_library_is_told_as_such() -> None:
    assert versions(["no-such-library"]) == {"no-such-library": NOT_INSTALLED}


def test_of_several_that_serve_the_first_installed_counts() -> None:
    name = "no-such-library|pydantic|polars"
    assert versions([name, "gone|lost"]) == {name: version("pydantic"), "gone|lost": NOT_INSTALLED}


def test_every_installed_library_is_listed_under_its_plain_name(tmp_path: Path) -> None:
    for name in ("zoo_keeper-1.0.post1.dist-info", "Alpha.Beta-2!1.5_local.dist-info", "broken.dist-info", "note.txt"):
        (tmp_path / name).mkdir()
    assert installed([str(tmp_path)]) == {"alpha-beta": "2!1.5-local", "zoo-keeper": "1.0.post1"}


def test_the_first_on_the_path_wins(tmp_path: Path) -> None:
    for place, number in (("first", "1"), ("second", "2")):
        (tmp_path / place / f"tool-{number}.dist-info").mkdir(parents=True)
    places = [str(tmp_path / name) for name in ("gone", "first", "second")]
    assert installed(places) == {"tool": "1"}


def test_an_older_layout_is_found_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "oldtool.egg-info"
    info.mkdir()
    (info / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: oldtool\nVersion: 0.9\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert versions(["oldtool"]) == {"oldtool": "0.9"}
