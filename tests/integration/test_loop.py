"""Watching and retraining as a person does them, killed at the wrong moments, with parts of a user's own."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mlops.services.audit import AuditLog
from mlops.stage import Place
from tests.loop_parts import asked, project, rows
from tests.release_parts import FileTarget, JsonRegistry
from tests.toy_project import Ended, Toy

REFUSING = "gates.rules.champion.margin=0"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A project of its own monitor and policy, with one version deployed and nothing asked."""
    made = project(tmp_path_factory.mktemp("shop"), monitor="counting", retrain="eager")
    made.run("recipe=shop")
    return made


def place(of: Toy) -> Place:
    return Place(of.root, of.root / ".mlops")


def deeds(of: Toy) -> list[str]:
    return [deed.action for deed in AuditLog(of.root / ".mlops").read()]


def collected(of: Toy) -> list[float]:
    files = sorted((of.root / "data" / "rows").glob("collected-*.parquet"))
    return [x for path in files for x in pl.read_parquet(path)["x"].to_list()]


def serving(of: Toy) -> int:
    leading = FileTarget().status("shop", place(of)).leading
    assert leading is not None
    return leading.version


def test_loop_of_ones_own_parts(shop: Toy) -> None:
    quiet = shop("retrain", "recipe=shop", "--json")
    assert (quiet.code, quiet.last["outcome"]) == (0, "kept")
    assert "was asked nothing yet" in shop("monitor", "recipe=shop").out

    asked(shop, rows(300, seed=1, month=3), "march")
    assert "rows (drift)" in shop("monitor", "recipe=shop").out
    assert shop("retrain", "recipe=shop", "--dry-run", "--json").last["outcome"] == "would retrain"
    assert serving(shop) == 1

    done = shop("retrain", "recipe=shop", "--json").last
    assert (done["outcome"], done["version"], done["added"]) == ("released", 2, 300)
    assert serving(shop) == 2
    assert deeds(shop)[-5:] == ["retrain", "register", "deploy", "promote", "retrained"]

    again = shop("retrain", "recipe=shop", "--json").last
    assert (again["outcome"], again["added"]) == ("unchanged", 0)
    assert (serving(shop), len(collected(shop))) == (2, 300)


def test_bad_challenger_is_refused_and_told_from_a_failure(shop: Toy) -> None:
    asked(shop, rows(300, seed=2, month=4).with_columns(1 - pl.col("bought")), "april")
    before = serving(shop)
    answer = shop("retrain", "recipe=shop", REFUSING, "model.strength=1e9", "--json")
    assert (answer.code, answer.last["outcome"]) == (1, "refused")
    assert serving(shop) == before
    broken = shop("retrain", "recipe=shop", "data.target=nothing", "--json")
    assert (broken.code, broken.last["outcome"]) == (1, "failed")
    assert deeds(shop)[-1] == "retrained"


def test_stopped_deployment_is_not_started_by_a_retraining(shop: Toy) -> None:
    FileTarget().stop("shop", place(shop))
    answer = shop("retrain", "recipe=shop", "--json").last
    assert (answer["outcome"], "is stopped" in answer["note"]) == ("kept", True)
    shop.run("recipe=shop", "--force", "deploy")


def _state(of: Toy) -> dict[str, Any]:
    path = of.root / ".mlops" / "retraining" / "shop" / "state.json"
    return dict(json.loads(path.read_bytes())) if path.exists() else {}


def _notes(of: Toy) -> list[Path]:
    return list((of.root / ".mlops" / "retraining" / "shop" / "collected").glob("*"))


POINTS: dict[str, Callable[[Toy, int], bool]] = {
    "begun": lambda of, _: bool(_state(of).get("pending")),
    "collecting": lambda of, turn: len(_notes(of)) > turn,
    "collected": lambda of, _: (_state(of).get("pending") or {}).get("added") is not None,
    "registered": lambda of, turn: len(JsonRegistry().versions("shop", place(of))) > turn + 1,
    "released": lambda of, turn: serving(of) > turn + 1,
}


@pytest.mark.slow
def test_kill_at_any_moment_loses_and_repeats_nothing(tmp_path: Path, ended: Ended) -> None:
    of = project(tmp_path, monitor="counting", retrain="eager")
    of.run("recipe=shop")
    sent: list[float] = []
    for turn, reached in enumerate(POINTS.values()):
        more = rows(150, seed=10 + turn, month=3 + turn)
        sent += more["x"].to_list()
        asked(of, more, f"turn{turn}")
        process = of.start("retrain", "recipe=shop", "--json")
        ended(process)
        while not reached(of, turn) and process.poll() is None:
            time.sleep(0.001)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        done = of("retrain", "recipe=shop", "--json").last
        assert done["outcome"] in ("released", "unchanged"), done
        assert serving(of) == turn + 2
        assert sorted(collected(of)) == sorted(sent)
        assert _state(of)["pending"] is None
    assert len(JsonRegistry().versions("shop", place(of))) == len(POINTS) + 1
    assert deeds(of).count("promote") == len(POINTS) + 1


@pytest.mark.slow
def test_two_rounds_at_once_are_one(shop: Toy, ended: Ended) -> None:
    asked(shop, rows(200, seed=30, month=9), "september")
    first = shop.start("retrain", "recipe=shop", "--json")
    ended(first)
    while not (_state(shop).get("pending")) and first.poll() is None:
        time.sleep(0.01)
    assert shop("retrain", "recipe=shop", "--json").last["outcome"] == "busy"
    said, _ = first.communicate(timeout=120)
    assert json.loads(said.strip().splitlines()[-1])["outcome"] == "released"


@pytest.mark.slow
def test_aborted_rollout_dismisses_the_challenger_and_is_written_down(shop: Toy) -> None:
    asked(shop, rows(200, seed=31, month=10), "october")
    before = serving(shop)
    done = shop("retrain", "recipe=shop", "strategy.ends=aborted", "--json")
    assert (done.code, done.last["outcome"]) == (1, "aborted")
    assert serving(shop) == before
    assert [item.version for item in JsonRegistry().versions("shop", place(shop)) if "challenger" in item.aliases] == []
    assert deeds(shop)[-2:] == ["dismiss", "retrained"]
    assert _state(shop)["began"] > 0


@pytest.mark.slow
def test_watch_survives_an_error_and_ends_when_told(shop: Toy, ended: Ended) -> None:
    process = shop.start("monitor", "recipe=shop", "--watch", "1", "--no-retrain", "--json")
    ended(process)
    assert process.stdout is not None
    assert "windows" in json.loads(process.stdout.readline())
    served = shop.root / ".mlops" / "deployments" / "shop" / "file.json"
    content = served.read_bytes()
    served.write_bytes(b"{")
    lines = (json.loads(line) for line in process.stdout)
    assert "error" in next(line for line in lines if "error" in line)
    served.write_bytes(content)
    assert next(line for line in lines if "windows" in line)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 130


@pytest.mark.slow
def test_version_whose_run_is_gone_says_so(tmp_path: Path) -> None:
    of = project(tmp_path)
    run = of.run("recipe=shop")["run"]
    asked(of, rows(300, seed=1, month=3), "march")
    assert "log_loss" in of("monitor", "recipe=shop", "monitor.window=month", "--json").out
    assert of("runs", "rm", run, "--yes").code == 0
    answer = of("monitor", "recipe=shop")
    assert answer.code == 2
    assert "what version 1 of shop was trained on is not known" in answer.err
    of.run("recipe=shop")  # the same bundle comes of it
    assert of("monitor", "recipe=shop").code == 0


def _leave_pending(of: Toy, **changes: Any) -> None:
    """Leave what a killed round leaves."""
    log = AuditLog(of.root / ".mlops")
    deed = log.write("retrain", "deployment/shop", {"reasons": ["for the test"]})
    newest = max(item.version for item in JsonRegistry().versions("shop", place(of)))
    pending = {"deed": deed.number, "reasons": ["for the test"], "seen_until": "2024-01-01", "seen_rows": 0}
    kept = {**_state(of), "pending": {**pending, "newest": newest, "added": 0, "held": 0, "attempts": 1, **changes}}
    (of.root / ".mlops" / "retraining" / "shop" / "state.json").write_text(json.dumps(kept))


@pytest.mark.slow
def test_retraining_that_is_always_killed_is_given_up(shop: Toy) -> None:
    assert shop("retrain", "recipe=shop", "--dry-run").code == 0
    _leave_pending(shop, attempts=3)
    done = shop("retrain", "recipe=shop", "--json")
    assert (done.code, done.last["outcome"]) == (1, "failed")
    assert "killed 3 times" in done.last["note"]
    assert _state(shop)["pending"] is None


@pytest.mark.slow
def test_release_that_was_taken_back_after_a_kill_is_not_made_again(shop: Toy) -> None:
    _leave_pending(shop)
    before = serving(shop)
    log = AuditLog(shop.root / ".mlops")
    log.write("deploy", "deployment/shop", {"version": 99})
    log.write("rollback", "deployment/shop", {"why": "by hand"})
    done = shop("retrain", "recipe=shop", "--json")
    assert (done.code, done.last["outcome"]) == (1, "aborted")
    assert serving(shop) == before


@pytest.mark.slow
def test_state_that_cannot_be_read_says_where_it_is(shop: Toy) -> None:
    path = shop.root / ".mlops" / "retraining" / "shop" / "state.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{")
    answer = shop("retrain", "recipe=shop")
    path.unlink()
    assert answer.code == 2
    assert "cannot be read" in answer.err
    assert str(path) in answer.err
