from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlops.errors import ProjectError
from mlops.services.versions import Transfer
from mlops_dvc.versions import Dvc
from tests.unit.mlops_dvc.conftest import NEW, OLD, Lab

LIGHT = """
import sys
from pathlib import Path
from mlops.stage import Place
from mlops_dvc.versions import Dvc
assert Dvc().find("data/orders.csv", rev="v1", place=Place(Path.cwd(), Path.cwd() / ".mlops"))
print([name for name in ("dvc", "dvc_data", "fsspec", "polars", "pygit2", "dulwich") if name in sys.modules])
"""


def test_finding_a_version_loads_no_heavy_library(lab: Lab) -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], cwd=lab.root, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_dvcs_own_command_line_agrees_with_what_was_tracked(lab: Lab) -> None:
    lab.write("data/new.csv", "k\n")
    made = Dvc().track(["data/new.csv"], place=lab.place)
    assert (made[0].path, made[0].names) == ("data/new.csv", ("data/new.csv.dvc",))
    assert "up to date" in lab.dvc("status")
    assert "5 files pushed" in lab.dvc("push")  # the two of this state, those of parts, and their list
    assert "Everything is up to date" in lab.dvc("push")


def test_without_git_dvc_is_set_up_on_its_own(bare: Lab) -> None:
    bare.write("x.csv", "k\n")
    Dvc().track(["x.csv"], place=bare.place)
    assert "no_scm = True" in (bare.root / ".dvc" / "config").read_text()
    assert "up to date" in bare.dvc("status")
    (bare.root / "x.csv").unlink()
    assert bare.read("x.csv") == {"x.csv": "k\n"}


@pytest.mark.slow
def test_git_that_comes_later_is_noticed(bare: Lab) -> None:
    bare.write("x.csv", "k\n")
    Dvc().track(["x.csv"], place=bare.place)
    bare.git("init", "-q")
    Dvc().track(["x.csv"], place=bare.place)
    assert "/x.csv" in (bare.root / ".gitignore").read_text()
    assert "up to date" in bare.dvc("status")


def test_everything_stays_in_the_project(bare: Lab, home: Path) -> None:
    bare.git("init", "-q")
    bare.write("x.csv", "k\n")
    Dvc().track(["x.csv"], place=bare.place)
    config = (bare.root / ".dvc" / "config").read_text()
    assert "analytics = False" in config
    assert "check_update = False" in config
    assert str(bare.root / ".mlops") in (bare.root / ".dvc" / "config.local").read_text()
    assert "Data and pipelines are up to date" in bare.dvc("status")
    assert list(home.iterdir()) == []


def test_a_workspace_is_filled_again_from_the_remote(lab: Lab) -> None:
    assert Dvc().push(Transfer(), place=lab.place) == 4
    shutil.rmtree(lab.root / ".dvc" / "cache")
    (lab.root / "data" / "orders.csv").unlink()
    assert Dvc().pull(Transfer(), place=lab.place) == 4
    assert (lab.root / "data" / "orders.csv").read_text() == NEW


def test_a_revision_is_pushed_although_the_remote_is_newer_than_it(lab: Lab) -> None:
    assert Dvc().push(Transfer(rev="v1"), place=lab.place) == 4
    shutil.rmtree(lab.root / ".dvc" / "cache")
    assert Dvc().pull(Transfer(("data/parts/deep/1.csv",), "v1"), place=lab.place) == 3
    assert lab.read("data/parts", "v1")
    assert Dvc().pull(Transfer(("data/orders.csv",), "v1"), place=lab.place) == 1
    assert lab.read("data/orders.csv", "v1") == {"data/orders.csv": OLD}


@pytest.mark.parametrize(
    ("transfer", "what", "fix"),
    [
        (Transfer(remote="nowhere"), "nowhere", "dvc remote add"),
        (Transfer(("nope.csv",)), "nope.csv", "mlops data track nope.csv"),
        (Transfer(("notes.csv",), "v1"), "DVC does not track 'notes.csv' in v1", "a file that git keeps itself"),
        (Transfer(rev="v9"), "git knows no revision 'v9'", "there are main, v"),
        (Transfer(("data/orders.csv",), "v1"), "the remote does not have all of 'data/orders.csv'", "mlops data push"),
    ],
)
def test_a_pull_that_cannot_be_says_why(lab: Lab, transfer: Transfer, what: str, fix: str) -> None:
    shutil.rmtree(lab.root / ".dvc" / "cache")
    with pytest.raises(ProjectError, match=what) as told:
        Dvc().pull(transfer, place=lab.place)
    assert fix in told.value.fix


def test_changes_in_the_workspace_are_not_overwritten(lab: Lab) -> None:
    Dvc().push(Transfer(), place=lab.place)
    lab.write("data/orders.csv", "my own\n")
    with pytest.raises(ProjectError, match="orders") as told:
        Dvc().pull(Transfer(("data/orders.csv",)), place=lab.place)
    assert told.value.fix == "keep it (mlops data track data/orders.csv) or remove it, then pull"
    assert (lab.root / "data" / "orders.csv").read_text() == "my own\n"


def test_a_file_that_git_tracks_must_first_be_let_go_of(lab: Lab) -> None:
    with pytest.raises(ProjectError, match=r"notes\.csv") as told:
        Dvc().track(["notes.csv"], place=lab.place)
    assert told.value.fix == "let go of it in git first: git rm -r --cached notes.csv && git commit"


@pytest.mark.slow
def test_a_lock_that_another_dvc_holds_is_named(lab: Lab) -> None:
    lock = lab.root / ".dvc" / "tmp" / "lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ProjectError, match="DVC's lock is held by another process") as told:
            Dvc().track(["data/orders.csv"], place=lab.place)
    assert "wait for it to end" in told.value.fix


@pytest.mark.parametrize("torn", ["", "[]"])
def test_a_file_of_locks_that_a_kill_left_torn_is_mended(lab: Lab, torn: str) -> None:
    lab.write(".dvc/tmp/rwlock", torn)
    lab.write("data/orders.csv", "k\n")
    assert Dvc().track(["data/orders.csv"], place=lab.place)


@pytest.mark.slow
def test_a_worker_ends_with_the_command_that_asked(lab: Lab) -> None:
    code = (
        "import sys, os; from pathlib import Path; from mlops.stage import Place; from mlops_dvc.versions import Dvc;"
        "Dvc().track(['data/orders.csv'], place=Place(Path.cwd(), Path.cwd() / '.mlops'))"
    )
    lock = lab.root / ".dvc" / "tmp" / "lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:  # so that the worker waits
        fcntl.flock(file, fcntl.LOCK_EX)
        asker = subprocess.Popen([sys.executable, "-c", code], cwd=lab.root)
        worker = _child_of(asker.pid)
        asker.send_signal(signal.SIGKILL)
        asker.wait()
        _wait_for_end(worker)
    assert Dvc().track(["data/orders.csv"], place=lab.place)


def _child_of(parent: int) -> int:
    for _ in range(600):
        for task in Path("/proc").glob("[0-9]*/stat"):
            try:
                facts = task.read_text().rpartition(")")[2].split()
                words = (task.parent / "cmdline").read_bytes()
            except OSError:
                continue
            if int(facts[1]) == parent and b"mlops_dvc.worker" in words:
                time.sleep(1)  # until it has asked to end with its parent
                return int(task.parent.name)
        time.sleep(0.05)
    raise AssertionError("no worker was started")


def _wait_for_end(process: int) -> None:
    for _ in range(200):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("the worker is still there")
