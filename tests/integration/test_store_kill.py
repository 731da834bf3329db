"""Kill a process that writes into a store, at random instants and at every system call that matters."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

import mlops
from mlops.durable import TEMPORARY
from mlops.store import Entry, OutputRef, Store

KILLS = 45
RACERS = 8

COMMON = """
import sys
from pathlib import Path
from mlops import durable
from mlops.errors import StoreUnwritable
from mlops.store import Entry, OutputRef, Store

store = Store(Path(sys.argv[1]))

def commit(key, *contents):
    with store.using(), store.key_lock(key), store.workspace() as workspace:
        refs = []
        for number, content in enumerate(contents):
            folder = workspace / f"output{number}"
            with durable.writing(folder, "do the work of the stage itself"):
                (folder / "deep").mkdir(parents=True)
                (folder / "data").write_bytes(content)
                (folder / "deep" / "more").write_bytes(content)
            refs.append(OutputRef(f"output{number}", "table", store.commit(folder)))
        store.put(Entry(key, "stage", "a.B", tuple(refs), "run", 0.0, 0))
"""

LOOP = """
prefix = sys.argv[2]
print("ready", flush=True)
for number in range(1_000_000):
    key = f"{prefix}x{number}"
    commit(key, key.encode() * 50, b"shared", str(number % 7).encode())
    print(key, flush=True)
"""

RACE = """
import time
with store.using(), store.key_lock("race"):
    if store.find("race") is None:
        with open(sys.argv[2], "a") as log:
            log.write("computed\\n")
        time.sleep(0.05)
        with store.workspace() as workspace:
            (workspace / "table").mkdir()
            (workspace / "table" / "data").write_bytes(b"x")
            digest = store.commit(workspace / "table")
            store.put(Entry("race", "stage", "a.B", (OutputRef("table", "table", digest),), "run", 0.0, 0))
    store.check(store.find("race").outputs[0].digest, full=True)
"""

ONCE = """
try:
    {act}
except StoreUnwritable as exc:
    print(exc)
    sys.exit(3)
"""

ONE_FILE = """
with store.workspace() as workspace:
    (workspace / "table").mkdir()
    (workspace / "table" / "data").write_bytes(b"x")
    digest = store.commit(workspace / "table")
    store.put(Entry("onefile", "stage", "a.B", (OutputRef("table", "table", digest),), "run", 0.0, 0))
"""

ACTS = {
    "commit": 'commit("new", b"new", b"old")',
    "mend": 'commit("bad", b"bad")',
    "collect": "store.collect(sys.argv[2:], dry_run=False)",
}
"""What is killed: a commit of new and known content, one over a damaged artifact, a clearing."""

CALLS = ("fsync", "rename", "unlink", "rmdir", "mkdir", "write", "fchmod", "flock")
"""Calls that change the store or its locks; the first write to a file follows its creation."""


def command(code: str, *arguments: str) -> list[str]:
    # -S: the store needs no installed library, and a kill test starts many processes.
    return [sys.executable, "-S", "-c", COMMON + code, *arguments]


def environment() -> dict[str, str]:
    source = str(Path(mlops.__file__).parents[1])
    return {"PYTHONPATH": source, "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]}


def assert_whole(store: Store, *, skip: set[str] | None = None) -> set[str]:
    """Check all that can be seen, except the artifacts in ``skip``; give the digests and keys that were checked."""
    done = set(skip or ())
    for folder in store.layout.artifacts.glob("*/*"):
        if folder.name not in done:
            store.check(folder.name, full=True)
            done.add(folder.name)
    for path in store.layout.index.glob("*/*"):
        if path.stem in done or path.suffix == TEMPORARY:
            continue
        entry = store.find(path.stem)
        assert entry is not None, f"{path} is visible and torn"
        for ref in entry.outputs:
            assert ref.digest in done, f"{path} names an artifact that is not there"
        done.add(path.stem)
    return done


def test_a_kill_at_any_moment_leaves_only_whole_things_and_loses_nothing_acknowledged(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    chance = random.Random(20)
    checked: set[str] = set()
    acknowledged: set[str] = set()
    for kill in range(KILLS):
        # Instants follow the child's own progress, so that a busy machine is no excuse for killing it idle.
        acknowledged |= acknowledged_until_killed(store, f"{kill}", kill % 3, chance.random())
        checked = assert_whole(store, skip=checked)
        assert acknowledged <= checked
    assert len(acknowledged) >= KILLS
    assert_whole(store)
    store.sweep()
    assert list(store.layout.workspaces.iterdir()) == []
    store.collect([], dry_run=False)
    assert list(store.layout.artifacts.glob("*/*")) == []


def acknowledged_until_killed(store: Store, prefix: str, commits: int, share: float) -> set[str]:
    """Kill a child after ``commits`` commits and a ``share`` of the time that one of them takes."""
    with subprocess.Popen(
        command(LOOP, str(store.root), prefix), stdout=subprocess.PIPE, text=True, env=environment()
    ) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline()]
        began = time.monotonic()
        lines += [child.stdout.readline() for _ in range(commits)]
        pace = (time.monotonic() - began) / commits if commits else 0.01
        time.sleep(share * pace)
        child.kill()
        lines += child.stdout.read().splitlines(keepends=True)
    assert lines[0] == "ready\n"
    return {line.strip() for line in lines[1:] if line.endswith("\n")}


def test_processes_that_want_one_key_at_once_compute_it_once_in_a_store_that_is_not_there_yet(tmp_path: Path) -> None:
    log = tmp_path / "log"
    racers = [
        subprocess.Popen(command(RACE, str(tmp_path / "store"), str(log)), env=environment()) for _ in range(RACERS)
    ]
    assert [racer.wait() for racer in racers] == [0] * RACERS
    assert log.read_text() == "computed\n"


# Every call


@pytest.fixture
def template(tmp_path: Path) -> Store:
    """Make a store with something of everything: kept, not needed, damaged, left over."""
    store = Store(tmp_path / "template")
    for key, contents in {"old": [b"old"], "bad": [b"bad"], "two": [b"two", b"old"]}.items():
        with store.workspace() as workspace:
            refs = []
            for number, content in enumerate(contents):
                folder = workspace / str(number)
                (folder / "deep").mkdir(parents=True)
                (folder / "data").write_bytes(content)
                (folder / "deep" / "more").write_bytes(content)
                refs.append(OutputRef(f"output{number}", "table", store.commit(folder)))
            store.put(Entry(key, "stage", "a.B", tuple(refs), "run", 0.0, 0))
    return store


def prepared(template: Store, act: str, number: str) -> Store:
    """Copy the template, damaged where the act is about damage."""
    store = Store(template.root.with_name(f"{act}-{number}"))
    shutil.copytree(template.root, store.root)
    if act == "mend":
        (store.path(digest_of(store, "bad")) / "data").unlink()
    if act == "collect":
        (store.layout.workspaces / "left").mkdir()
        (store.layout.workspaces / "left" / "half").write_bytes(b"x")
        (store.layout.index / "ol" / f".torn{TEMPORARY}").write_bytes(b"x")
    return store


def digest_of(store: Store, key: str) -> str:
    entry = store.find(key)
    assert entry is not None
    return entry.outputs[0].digest


def traced(store: Store, act: str, *options: str) -> subprocess.CompletedProcess[str]:
    log = store.root.with_suffix(".strace")
    arguments = [digest_of(store, "old")] if act == "collect" else []
    return subprocess.run(
        [
            *("strace", "-f", "-qq", "-o", str(log), "-e", f"trace={','.join(CALLS)}", *options),
            *command(ONCE.format(act=ACTS[act]), str(store.root), *arguments),
        ],
        check=False,
        capture_output=True,
        text=True,
        env=environment(),
    )


def sites(template: Store, act: str) -> list[tuple[str, int]]:
    """Count the calls of an undisturbed run: each is a place to disturb."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    store = prepared(template, act, "undisturbed")
    done = traced(store, act)
    if "ptrace" in done.stderr:
        pytest.skip("tracing is not permitted here")
    assert done.returncode == 0, done.stdout + done.stderr
    log = store.root.with_suffix(".strace").read_text()
    counts = Counter(re.findall(r"^\d+ +(\w+)\(", log, flags=re.MULTILINE))
    assert counts["fsync"] > 0
    return [(call, number) for call, count in counts.items() for number in range(1, count + 1)]


def assert_mends_itself(store: Store, act: str) -> None:
    """Check that all that can be seen is whole, and that the next process does the act to its end."""
    if act == "mend" and store.path(digest_of(store, "bad")).exists():
        store.set_aside(digest_of(store, "bad"))
    if act == "collect":
        assert_whole(store)
        store.collect([digest_of(store, "old")], dry_run=False)
        assert store.collect([digest_of(store, "old")]).pieces == ()
    else:
        assert subprocess.run(command(ACTS[act], str(store.root)), check=False, env=environment()).returncode == 0
        store.sweep()
        assert list(store.layout.workspaces.iterdir()) == []
    assert_whole(store)
    assert digest_of(store, "old")


def assert_seen_is_whole(store: Store, act: str) -> None:
    damaged = digest_of(store, "bad") if act == "mend" else None
    for folder in store.layout.artifacts.glob("*/*"):
        if folder.name != damaged:
            store.check(folder.name, full=True)


@pytest.mark.slow
@pytest.mark.parametrize("act", ACTS)
def test_a_kill_at_every_call_leaves_only_whole_things(template: Store, act: str) -> None:
    for call, number in sites(template, act):
        store = prepared(template, act, f"{call}-{number}")
        done = traced(store, act, "-e", f"inject={call}:signal=KILL:when={number}")
        assert done.returncode == -9, f"{call} {number}: {done.stdout}{done.stderr}"
        assert_seen_is_whole(store, act)
        assert_mends_itself(store, act)


@pytest.mark.slow
@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
@pytest.mark.parametrize("act", ACTS)
def test_an_error_at_every_call_is_no_false_success(template: Store, act: str, error: str) -> None:
    for call, number in sites(template, act):
        if call == "flock":
            continue
        store = prepared(template, act, f"{call}-{number}")
        done = traced(store, act, "-e", f"inject={call}:error={error}:when={number}")
        assert done.returncode in {0, 3}, f"{call} {number}: {done.stdout}{done.stderr}"
        if done.returncode == 3:
            assert str(store.root) in done.stdout
        elif act != "collect":
            assert_whole(store)
            assert store.find({"commit": "new", "mend": "bad"}[act]) is not None
        assert_seen_is_whole(store, act)
        assert_mends_itself(store, act)


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_kill_at_every_sync_and_rename_of_a_commit_leaves_only_whole_things(template: Store, call: str) -> None:
    for name, number in sites(template, "commit"):
        if name != call:
            continue
        store = prepared(template, "commit", f"{call}-{number}")
        done = traced(store, "commit", "-e", f"inject={call}:signal=KILL:when={number}")
        assert done.returncode == -9, done.stdout + done.stderr
        assert_seen_is_whole(store, "commit")
        assert_mends_itself(store, "commit")


def test_everything_is_synced_before_it_gets_its_name_and_the_name_after_in_six_syncs(tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    store, log = Store(tmp_path / "store"), tmp_path / "strace"
    for number in range(256):
        (store.layout.artifacts / f"{number:02x}").mkdir(parents=True)
    (store.layout.index / "on").mkdir(parents=True)
    tracer = ["strace", "-f", "-qq", "-y", "-o", str(log), "-e", "trace=fsync,rename"]
    subprocess.run([*tracer, *command(ONE_FILE, str(store.root))], check=True, env=environment())
    steps = re.findall(r"(?:fsync\(\d+<|rename\(\"[^\"]*\", \")([^>\"]*)", log.read_text())
    made = [Path(step).relative_to(store.root) for step in steps]
    (digest,) = (path.name for path in store.layout.artifacts.glob("*/*"))
    folder, shard = Path("tmp", made[0].parts[1], "table"), Path("artifacts", digest[:2])
    assert made == [
        *(folder / "data", folder / "manifest.json", folder),
        *(shard / digest, shard),
        *(made[5], Path("index/on/onefile.json"), Path("index/on")),
    ]
    assert made[5].parent == Path("index/on")
    assert made[5].suffix == TEMPORARY
