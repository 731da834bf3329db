from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from mlops import durable
from mlops.errors import StoreError, StoreUnwritable

HOLDER = """
import sys
from pathlib import Path
from mlops import durable
with durable.locked(Path(sys.argv[1]), shared=sys.argv[2] == "shared"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def other_process_holding(path: Path, *, mode: str = "exclusive") -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDER, str(path), mode]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder
        if holder.poll() is None:
            holder.kill()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Files


def test_write_atomic_replaces_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    durable.write_atomic(path, b"old")
    durable.write_atomic(path, b"new")
    assert path.read_bytes() == b"new"


def test_write_atomic_makes_missing_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "record.json"
    durable.write_atomic(path, b"x")
    assert path.read_bytes() == b"x"


def test_write_atomic_leaves_nothing_else_behind(tmp_path: Path) -> None:
    durable.write_atomic(tmp_path / "record.json", b"x")
    assert names(tmp_path) == ["record.json"]


def test_write_atomic_keeps_the_old_bytes_and_no_rest_when_the_file_would_be_too_large(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    durable.write_atomic(path, b"old")
    with file_size_limit(4096), pytest.raises(StoreUnwritable, match=r"cannot write record.json: the file would be"):
        durable.write_atomic(path, bytes(100_000))
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["record.json"]


def test_write_atomic_onto_a_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "record.json").mkdir()
    with pytest.raises(StoreError, match=r"(?s)cannot write record.json: Is a directory.*where: .*record.json"):
        durable.write_atomic(tmp_path / "record.json", b"x")
    assert names(tmp_path) == ["record.json"]


def test_write_hint_says_that_it_could_not_and_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert durable.write_hint(tmp_path / "hint", b"x")
    assert not durable.write_hint(tmp_path / "file" / "hint", b"x")


def test_write_synced_refuses_a_name_that_is_taken(tmp_path: Path) -> None:
    durable.write_synced(tmp_path / "file", b"x")
    with pytest.raises(FileExistsError, match="file"):
        durable.write_synced(tmp_path / "file", b"y")


def test_make_folder_names_a_file_that_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot make the folder: File exists"):
        durable.make_folder(tmp_path / "file")


def test_publish_moves_a_folder_and_makes_its_parent(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "file").write_bytes(b"x")
    durable.sync_tree(tmp_path / "new")
    assert durable.publish(tmp_path / "new", tmp_path / "ab" / "final")
    assert (tmp_path / "ab" / "final" / "file").read_bytes() == b"x"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_publish_leaves_what_is_there_already(tmp_path: Path, kind: str) -> None:
    final = tmp_path / "final"
    if kind == "folder":
        final.mkdir()
        (final / "file").write_bytes(b"old")
    elif kind == "file":
        final.write_bytes(b"old")
    else:
        final.symlink_to("nowhere")
    (tmp_path / "new").mkdir()
    assert not durable.publish(tmp_path / "new", final)
    assert (tmp_path / "new").is_dir()
    assert os.path.lexists(final)


def test_publish_of_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot put the folder in its place: No such file"):
        durable.publish(tmp_path / "new", tmp_path / "final")


def test_remove_tree_removes_read_only_folders_and_does_not_follow_links(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_bytes(b"x")
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "file").write_bytes(b"x")
    (tree / "link").symlink_to(kept)
    (tree / "sub").chmod(0o500)
    durable.remove_tree(tree)
    durable.remove_tree(tmp_path / "not there")
    assert names(tmp_path) == ["kept"]
    assert (kept / "file").exists()


# Errors


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, r"file system is full \(5,000 bytes needed, [\d,]+ bytes free\)"),
        (errno.EDQUOT, "disk quota is used up"),
        (errno.EROFS, "file system is read-only"),
        (errno.EACCES, "writing there is not permitted"),
        (errno.EIO, "input/output error"),
    ],
)
def test_a_refusal_says_what_where_why_and_what_helps(tmp_path: Path, code: int, words: str) -> None:
    pattern = rf"(?s)cannot save the report: .*{words}.*where: {tmp_path}/report.*fix: "
    with (
        pytest.raises(StoreUnwritable, match=pattern),
        durable.writing(tmp_path / "report", "save the report", need=5000),
    ):
        raise OSError(code, os.strerror(code))


def test_other_errors_keep_the_words_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot save it: File name too long"), durable.writing(tmp_path, "save it"):
        os.open(tmp_path / ("x" * 300), os.O_RDONLY)


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# Locks


def test_a_lock_makes_its_file_and_folder_and_leaves_the_file(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "a.lock"
    with durable.locked(path):
        assert durable.is_locked(path)
    assert not durable.is_locked(path)
    assert path.exists()


def test_is_locked_makes_no_file(tmp_path: Path) -> None:
    assert not durable.is_locked(tmp_path / "a.lock")
    assert names(tmp_path) == []


def test_is_locked_is_about_one_that_holds_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with durable.locked(path, shared=True):
        assert not durable.is_locked(path)


def test_a_held_lock_cannot_be_taken_by_trying(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with durable.locked(path, shared=True):
        assert durable.try_lock(path) is None
        shared = durable.try_lock(path, shared=True)
        assert shared is not None
        shared.close()
    free = durable.try_lock(path)
    assert free is not None
    with free:
        assert durable.is_locked(path)
    assert not durable.is_locked(path)


def test_closing_a_lock_twice_does_no_harm(tmp_path: Path) -> None:
    lock = durable.try_lock(tmp_path / "a.lock")
    assert lock is not None
    lock.close()
    lock.close()


def test_shared_locks_do_not_wait_for_one_another(tmp_path: Path) -> None:
    with durable.locked(tmp_path / "a", shared=True), durable.locked(tmp_path / "a", shared=True, on_wait=pytest.fail):
        pass


def test_the_kernel_frees_the_lock_of_a_killed_process(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with other_process_holding(path) as holder:
        assert durable.is_locked(path)
        holder.kill()
        holder.wait()
        assert not durable.is_locked(path)


def test_waiting_is_announced_once_and_ends_when_the_holder_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with other_process_holding(path) as holder:
        notices: list[int] = []

        def end_holder() -> None:
            notices.append(1)
            holder.kill()

        with durable.locked(path, on_wait=end_holder):
            assert notices == [1]


def test_a_free_lock_is_taken_without_notice(tmp_path: Path) -> None:
    with durable.locked(tmp_path / "a.lock", on_wait=lambda: pytest.fail("waited")):
        pass


def test_a_signal_handler_that_raises_ends_the_wait(tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop(number: int, frame: object) -> NoReturn:
        raise StoppedError("by signal")

    path = tmp_path / "a.lock"
    before = signal.signal(signal.SIGALRM, stop)
    try:
        with (
            other_process_holding(path),
            pytest.raises(StoppedError, match="by signal"),
            durable.locked(path, on_wait=lambda: signal.setitimer(signal.ITIMER_REAL, 0.05)),
        ):
            pytest.fail("taken while held")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not durable.is_locked(path)


def test_a_lock_file_deleted_by_its_holder_never_gives_two_holders(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    inside: list[int] = []

    def work() -> None:
        for _ in range(200):
            with durable.locked(path):
                inside.append(1)
                assert len(inside) == 1
                inside.pop()
                path.unlink()

    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as exc:  # noqa: BLE001 - handed to the test's own thread
            failures.append(exc)

    threads = [threading.Thread(target=guarded) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_forked_child_that_leaves_the_block_does_not_free_its_parents_lock(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with durable.locked(path):
        lock = durable.try_lock(tmp_path / "b.lock")
        assert lock is not None
        child = os.fork()
        if child == 0:
            lock.close()
            os._exit(0)
        os.waitpid(child, 0)
        assert durable.is_locked(tmp_path / "b.lock")
        lock.close()
        assert not durable.is_locked(tmp_path / "b.lock")


def test_a_lock_in_a_place_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot open the lock file: Not a directory"):
        durable.try_lock(tmp_path / "file" / "a.lock")


def test_a_file_system_without_locks_is_named_with_a_way_out(tmp_path: Path) -> None:
    def no_locks(descriptor: int) -> NoReturn:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    with pytest.raises(
        StoreError, match=r"(?s)cannot lock files: No locks available.*fix: keep the project on a local"
    ):
        durable.locks._take(tmp_path / "a.lock", no_locks)


def test_importing_it_loads_no_heavy_library() -> None:
    heavy = {"pydantic", "polars", "hashlib", "numpy", "shutil", "tempfile"}
    code = f"import sys, mlops.durable, mlops.store; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "\n"
