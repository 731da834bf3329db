"""Every seeded mistake is found where it was made, with what is allowed and how to mend it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults.corpus import Case, cases

CASES = {case.folder.name: case for case in cases()}
IN_A_PROCESS = [name for index, name in enumerate(CASES) if index % 30 == 0]


@pytest.mark.parametrize("name", CASES)
def test_mistake_is_reported_with_its_place_and_fix(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    compare(case.check(tmp_path), case)


@pytest.mark.parametrize("name", IN_A_PROCESS)
def test_command_line_reports_the_same(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    case.put_up(tmp_path)
    command = [sys.executable, "-m", "mlops", "check", "--json", *case.overrides]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (2, "")
    compare(json.loads(done.stdout)["errors"], case)


def test_corpus_covers_sixty_mistakes_and_more() -> None:
    assert len(CASES) >= 160
    assert sum(len(case.faults) > 1 for case in CASES.values()) >= 4


def compare(found: list[dict[str, Any]], case: Case) -> None:
    """See that the very faults were found, in order; texts may say more than was asked for."""
    assert [(f["where"], f["key"]) for f in found] == [(f["where"], f.get("key", "")) for f in case.faults]
    for got, wanted in zip(found, case.faults, strict=True):
        assert wanted["message"] in got["message"]
        assert wanted.get("fix", "") in got["fix"]
        also = wanted.get("also", [])
        assert len(got["also"]) == len(also)
        assert all(place.startswith(start) for place, start in zip(got["also"], also, strict=True))
