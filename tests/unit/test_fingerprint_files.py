from __future__ import annotations

import json
import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops.errors import ProjectError
from mlops.fingerprint.files import FileDigests, bytes_digest, hint_name

LONG_AGO = 1_600_000_000


def literally(source: str) -> list[str]:
    return [source]


@pytest.fixture
def digests(tmp_path: Path) -> FileDigests:
    return FileDigests(tmp_path / "cache" / "hints.json")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "table.csv"
    path.parent.mkdir()
    path.write_bytes(b"a,b\n1,2\n")
    return path


@pytest.fixture
def wait_until_settled(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let the clock run ahead, as if the files had been written a while ago."""
    real = time.time_ns

    def ahead() -> None:
        monkeypatch.setattr(time, "time_ns", lambda: real() + 10_000_000_000)

    return ahead


def forge(digests: FileDigests, path: Path) -> None:
    """Make the remembered digest wrong, so that a use of it shows."""
    entry = digests.hints.get("files", hint_name(path))
    digests.hints.put("files", hint_name(path), [*entry[:6], "forged"])


def test_the_digest_is_that_of_the_bytes(digests: FileDigests, table: Path) -> None:
    assert digests.digest(table) == bytes_digest(b"a,b\n1,2\n")


def test_another_date_gives_the_same_digest(digests: FileDigests, table: Path) -> None:
    before = digests.digest(table)
    os.utime(table, (LONG_AGO, LONG_AGO))
    assert digests.digest(table) == before


def test_bytes_of_the_same_length_and_date_give_another_digest(digests: FileDigests, table: Path) -> None:
    os.utime(table, (LONG_AGO, LONG_AGO))
    before = digests.digest(table)
    table.write_bytes(b"a,b\n1,3\n")
    os.utime(table, (LONG_AGO, LONG_AGO))
    assert digests.digest(table) != before


def test_a_file_hashed_just_after_it_was_written_is_hashed_again(digests: FileDigests, table: Path) -> None:
    true = digests.digest(table)
    forge(digests, table)
    assert digests.digest(table) == true


def test_a_settled_file_is_not_read_again(
    digests: FileDigests, table: Path, wait_until_settled: Callable[[], None]
) -> None:
    wait_until_settled()
    digests.digest(table)
    forge(digests, table)
    assert digests.digest(table) == "forged"


def test_a_settled_file_with_another_date_is_read_again(
    digests: FileDigests, table: Path, wait_until_settled: Callable[[], None]
) -> None:
    wait_until_settled()
    true = digests.digest(table)
    forge(digests, table)
    os.utime(table, (LONG_AGO, LONG_AGO))
    assert digests.digest(table) == true


def test_what_was_saved_serves_the_next_process(
    digests: FileDigests, table: Path, wait_until_settled: Callable[[], None]
) -> None:
    wait_until_settled()
    digests.digest(table)
    forge(digests, table)
    digests.save()
    assert FileDigests(digests.hints.path).digest(table) == "forged"


def test_an_unchanged_cache_is_not_written_again(
    digests: FileDigests, table: Path, wait_until_settled: Callable[[], None]
) -> None:
    wait_until_settled()
    digests.digest(table)
    digests.save()
    inode = digests.hints.path.stat().st_ino
    again = FileDigests(digests.hints.path)
    again.digest(table)
    again.save()
    assert digests.hints.path.stat().st_ino == inode


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"version": 1, "sections": {"files": {',
        b"\xff\xfe",
        b"[]",
        b'{"version": 99, "sections": {}}',
        b'{"version": 1, "sections": []}',
        b'{"version": 1, "sections": {"files": []}}',
        b"[" * 100_000,
    ],
)
def test_a_torn_or_alien_cache_is_ignored(tmp_path: Path, table: Path, content: bytes) -> None:
    cache = tmp_path / "hints.json"
    cache.write_bytes(content)
    assert FileDigests(cache).digest(table) == bytes_digest(table.read_bytes())


def test_an_entry_of_another_shape_is_ignored(tmp_path: Path, table: Path) -> None:
    cache = tmp_path / "hints.json"
    cache.write_text(json.dumps({"version": 1, "sections": {"files": {str(table): ["x"] * 7}}}))
    assert FileDigests(cache).digest(table) == bytes_digest(table.read_bytes())


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path, table: Path) -> None:
    (tmp_path / "taken").write_text("a file where the folder would be")
    digests = FileDigests(tmp_path / "taken" / "hints.json")
    digests.digest(table)
    digests.save()
    assert (tmp_path / "taken").is_file()


def test_the_cache_forgets_what_was_not_used_when_it_grows_too_large(digests: FileDigests, table: Path) -> None:
    digests.hints.put("old", "kept small", 1)
    for number in range(20_050):
        digests.hints._section("files")[f"/gone/{number}"] = [number]
    digests.digest(table)
    digests.save()
    saved = json.loads(digests.hints.path.read_bytes())["sections"]
    assert len(saved["files"]) == 20_000
    assert hint_name(table) in saved["files"]
    assert saved["old"] == {"kept small": 1}


def test_a_missing_file_is_named(digests: FileDigests, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"cannot read .*gone\.csv: No such file"):
        digests.digest(tmp_path / "gone.csv")


def test_a_socket_is_refused(digests: FileDigests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(ProjectError, match="neither a file nor a folder"):
            digests.digest("s")


def test_a_folder_counts_names_and_bytes_wherever_it_lies(digests: FileDigests, table: Path) -> None:
    before = digests.digest(table.parent)
    shutil.copytree(table.parent, table.parent.parent / "elsewhere")
    assert digests.digest(table.parent.parent / "elsewhere") == before


def test_a_renamed_file_changes_its_folder(digests: FileDigests, table: Path) -> None:
    before = digests.digest(table.parent)
    table.rename(table.with_name("other.csv"))
    assert digests.digest(table.parent) != before


def test_a_folder_that_links_to_itself_ends(digests: FileDigests, table: Path) -> None:
    before = digests.digest(table.parent)
    (table.parent / "loop").symlink_to(table.parent)
    assert digests.digest(table.parent) == before


def test_files_behind_a_linked_folder_count(digests: FileDigests, table: Path, tmp_path: Path) -> None:
    before = digests.digest(table.parent)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "more.csv").write_bytes(b"1")
    (table.parent / "linked").symlink_to(tmp_path / "outside")
    assert digests.digest(table.parent) != before


def test_a_source_of_one_file_counts_its_bytes_only(digests: FileDigests, table: Path) -> None:
    assert digests.source_digest("data/table.csv", lambda _: [str(table)]) == digests.digest(table)


def test_several_files_count_in_any_order_and_in_any_project(digests: FileDigests, tmp_path: Path) -> None:
    for project in ("one", "two"):
        for name in ("jan.csv", "feb.csv"):
            path = tmp_path / project / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(name)
    names = ["jan.csv", "feb.csv"]
    one = digests.source_digest("*.csv", lambda _: [str(tmp_path / "one" / name) for name in names])
    two = digests.source_digest("*.csv", lambda _: [str(tmp_path / "two" / name) for name in reversed(names)])
    assert one == two


def test_a_missing_source_names_a_near_one(digests: FileDigests, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(table.parent.parent)
    with pytest.raises(ProjectError, match=r"no file 'data/tabel.csv'[^$]*did you mean 'data/table.csv'"):
        digests.source_digest("data/tabel.csv", lambda _: [])


def test_a_missing_folder_of_a_source_is_named(digests: FileDigests) -> None:
    with pytest.raises(ProjectError, match="make the folder 'nowhere'"):
        digests.source_digest("nowhere/table.csv", lambda _: [])


def test_a_file_url_counts_the_bytes(digests: FileDigests, table: Path) -> None:
    assert digests.source_digest(f"file://{table}", literally) == digests.digest(table)


def test_a_file_url_may_be_a_glob(digests: FileDigests, table: Path) -> None:
    assert digests.source_digest(f"file://{table.parent}/*.csv", literally) == digests.digest(table)


def test_a_file_url_to_nothing_is_an_error(digests: FileDigests, table: Path) -> None:
    with pytest.raises(ProjectError, match="there is no file"):
        digests.source_digest(f"file://{table.parent}/gone-*.csv", literally)
