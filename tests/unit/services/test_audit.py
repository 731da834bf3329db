from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.errors import StoreError
from mlops.services.audit import AuditLog, _digest, _made


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    made = AuditLog(tmp_path)
    for number in range(4):
        made.write("promote", f"model/{'ab'[number % 2]}", {"version": number, "why": "it is better\nby far"})
    return made


def lines(tmp_path: Path) -> list[bytes]:
    return (tmp_path / "audit" / "log.jsonl").read_bytes().splitlines(keepends=True)


def rewrite(tmp_path: Path, content: list[bytes]) -> None:
    (tmp_path / "audit" / "log.jsonl").write_bytes(b"".join(content))


def test_deeds_are_read_in_order(log: AuditLog) -> None:
    assert [(deed.number, deed.facts["version"]) for deed in log.read()] == [(1, 0), (2, 1), (3, 2), (4, 3)]


def test_deeds_of_one_subject_are_picked_out(log: AuditLog) -> None:
    assert [deed.number for deed in log.read("model/b")] == [2, 4]


def test_a_deed_says_who_and_when(log: AuditLog) -> None:
    deed = log.read()[0]
    assert "@" in deed.who
    assert deed.time.endswith("+00:00")


def test_an_empty_log_has_no_deeds(tmp_path: Path) -> None:
    assert AuditLog(tmp_path).read() == []
    assert AuditLog(tmp_path).head() == "0" * 64


@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_changed_line_is_found(log: AuditLog, tmp_path: Path, place: int) -> None:
    content = lines(tmp_path)
    content[place] = content[place].replace(b"it is better", b"it is worse!")
    rewrite(tmp_path, content)
    with pytest.raises(StoreError, match=f"line {place + 1} was changed"):
        log.read()


def test_a_removed_line_is_found(log: AuditLog, tmp_path: Path) -> None:
    content = lines(tmp_path)
    rewrite(tmp_path, [content[0], *content[2:]])
    with pytest.raises(StoreError, match="line 2 does not follow"):
        log.read()


def test_lines_out_of_order_are_found(log: AuditLog, tmp_path: Path) -> None:
    content = lines(tmp_path)
    rewrite(tmp_path, [content[1], content[0], *content[2:]])
    with pytest.raises(StoreError, match="line 1 does not follow"):
        log.read()


def test_a_line_made_up_with_a_right_digest_is_found_by_the_next_one(log: AuditLog, tmp_path: Path) -> None:
    content = lines(tmp_path)
    values = json.loads(content[1])
    values["facts"]["why"] = "made up"
    values["digest"] = _digest(values)
    content[1] = json.dumps(values).encode() + b"\n"
    rewrite(tmp_path, content)
    with pytest.raises(StoreError, match="line 3 does not follow"):
        log.read()


@pytest.mark.parametrize("line", [b"{}\n", b"[]\n", b"no json\n", b"\xff\n", b"\n"])
def test_a_line_that_is_none_is_found(log: AuditLog, tmp_path: Path, line: bytes) -> None:
    rewrite(tmp_path, [*lines(tmp_path), line])
    with pytest.raises(StoreError, match="line 5 cannot be read"):
        log.read()


def test_the_place_of_a_broken_line_is_named(log: AuditLog, tmp_path: Path) -> None:
    rewrite(tmp_path, [*lines(tmp_path), b"{}\n"])
    with pytest.raises(StoreError) as caught:
        log.read()
    assert caught.value.where.endswith("log.jsonl:5")
    assert caught.value.exit_code == 1


def test_nothing_is_written_after_a_changed_last_line(log: AuditLog, tmp_path: Path) -> None:
    content = lines(tmp_path)
    rewrite(tmp_path, [*content[:-1], content[-1].replace(b"better", b"wetter")])
    with pytest.raises(StoreError, match="the last line was changed"):
        log.write("promote", "model/a", {})


@pytest.mark.parametrize("torn", [b"{", b'{"number": 5, "time": "2024', b"\xc3"])
def test_a_torn_line_is_no_deed_and_is_cut_away(log: AuditLog, tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "audit" / "log.jsonl"
    with path.open("ab") as file:
        file.write(torn)
    assert len(log.read()) == 4
    assert log.write("rollback", "model/a", {}).number == 5
    assert [deed.number for deed in log.read()] == [1, 2, 3, 4, 5]


def test_a_torn_first_line_is_cut_away(tmp_path: Path) -> None:
    path = tmp_path / "audit" / "log.jsonl"
    path.parent.mkdir()
    path.write_bytes(b'{"number": 1')
    assert AuditLog(tmp_path).write("promote", "model/a", {}).number == 1
    assert len(AuditLog(tmp_path).read()) == 1


def test_lines_longer_than_a_block_follow_one_another(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    for size in (10, 200_000, 70_000, 10):
        log.write("note", "model/a", {"text": "x" * size})
    with (tmp_path / "audit" / "log.jsonl").open("ab") as file:
        file.write(b"y" * 150_000)
    log.write("note", "model/a", {})
    assert [deed.number for deed in log.read()] == [1, 2, 3, 4, 5]


def test_the_head_stands_for_the_whole_log(log: AuditLog) -> None:
    before = log.head()
    deed = log.write("promote", "model/a", {})
    assert (deed.previous, log.head()) == (before, deed.digest)


def test_writers_wait_for_one_another(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from mlops.services.audit import AuditLog\n"
        "for turn in range(25): AuditLog(Path(sys.argv[1])).write('promote', sys.argv[2], {'turn': turn})"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), f"model/{name}"]) for name in "abcdefgh"]
    assert [writer.wait(60) for writer in writers] == [0] * 8
    deeds = AuditLog(tmp_path).read()
    assert len(deeds) == 200
    assert [deed.facts["turn"] for deed in deeds if deed.subject == "model/c"] == list(range(25))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(), st.lists, max_leaves=5
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_a_deed_reads_back_as_it_was_written(facts: dict[str, object]) -> None:
    deed = _made("note", "model/a", facts, after=None)
    read = json.loads(json.dumps(deed.to_json(), ensure_ascii=False).encode("utf-8", "backslashreplace"))
    assert _digest(read) == deed.digest


def test_what_json_cannot_hold_is_written_as_text(tmp_path: Path) -> None:
    AuditLog(tmp_path).write("note", "model/a", {"path": Path("x"), "odd": "a\udc80b"})
    assert AuditLog(tmp_path).read()[0].facts["path"] == "x"


def test_an_unwritable_log_is_explained(tmp_path: Path) -> None:
    if os.getuid() == 0:
        (tmp_path / "audit").write_text("a file, where a folder should be")
    else:
        tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot"):
        AuditLog(tmp_path).write("promote", "model/a", {})
