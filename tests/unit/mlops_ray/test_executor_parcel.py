from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops.errors import StageError
from mlops_ray import executor_parcel
from mlops_ray.executor_parcel import Parcel, cached, files_below, packed, safe_path, sources_below


class Post:
    """Keeps pieces by number, as Ray keeps them by reference."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def put(self, piece: bytes) -> int:
        self.pieces.append(piece)
        return len(self.pieces) - 1

    def get(self, ref: int) -> bytes:
        return self.pieces[ref]


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    folder.mkdir(exist_ok=True)
    return folder


def parcel_of(folder: Path, post: Post) -> Parcel:
    return packed(files_below(folder), folder, post.put)


def read(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files_below(folder)}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.dictionaries(st.from_regex(r"[a-c]{1,3}(/[d-f]{1,3})?\.x", fullmatch=True), st.binary(max_size=40)))
def test_a_folder_arrives_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]
) -> None:
    monkeypatch.setattr(executor_parcel, "PIECE", 7)
    base = tmp_path_factory.mktemp("parcel")
    post = Post()
    sent = parcel_of(write(base / "sent", files), post)
    assert all(len(piece) <= 7 for piece in post.pieces)
    assert read(cached(sent, base / "node", post.get)) == files


def test_equal_folders_have_one_name_wherever_they_lie(tmp_path: Path) -> None:
    files = {"b.txt": b"2", "a/c.txt": b"1"}
    names = {parcel_of(write(tmp_path / name, files), Post()).digest for name in ("here", "there")}
    assert len(names) == 1


def test_other_bytes_or_names_give_another_name(tmp_path: Path) -> None:
    each = [{"a": b"1"}, {"a": b"2"}, {"b": b"1"}, {"a": b"1", "b": b""}]
    names = {parcel_of(write(tmp_path / str(number), files), Post()).digest for number, files in enumerate(each)}
    assert len(names) == len(each)


def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    post = Post()
    sent = parcel_of(write(tmp_path / "sent", {"a": b"1"}), post)
    first = cached(sent, tmp_path / "node", post.get)
    post.pieces.clear()
    assert cached(sent, tmp_path / "node", post.get) == first


def test_a_file_that_arrives_changed_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    post = Post()
    sent = parcel_of(write(tmp_path / "sent", {"a": b"1"}), post)
    post.pieces[0] = b"2"
    with pytest.raises(StageError, match="a did not arrive as it was sent"):
        cached(sent, tmp_path / "node", post.get)
    assert list((tmp_path / "node").iterdir()) == []


def test_compiled_and_hidden_files_are_no_sources(tmp_path: Path) -> None:
    folder = write(tmp_path / "p", {"a.py": b"", "__pycache__/a.pyc": b"", ".git/x": b"", "b/.y": b"", "b/z.json": b""})
    assert [path.relative_to(folder).as_posix() for path in sources_below(folder)] == ["a.py", "b/z.json"]


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", ""])
def test_no_file_is_written_outside_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(StageError, match="leads out of the folder"):
        safe_path(tmp_path, name)
