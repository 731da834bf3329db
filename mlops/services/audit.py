"""What was done to models and deployments, by whom and why: a log that can only grow, and shows when it was changed."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from mlops.durable import locked, make_folder, sync_folder, writing
from mlops.errors import StoreError

__all__ = ["AuditLog", "Deed"]

_START = "0" * 64
_BLOCK = 65_536


@dataclass(frozen=True)
class Deed:
    """One line of the log."""

    number: int
    """From 1."""

    time: str
    """ISO time in UTC."""

    who: str
    """user@host."""

    action: str
    """Such as promote, rollback, deploy, retrain."""

    subject: str
    """What it was done to, such as model/flights or deployment/flights."""

    facts: Mapping[str, Any]
    """Why, and on what evidence."""

    previous: str
    digest: str
    """SHA-256 of this line without its digest; the next line holds it as ``previous``."""

    def to_json(self) -> dict[str, Any]:
        """Give the values that JSON can hold."""
        return {**vars(self), "facts": dict(self.facts)}


class AuditLog:
    """``.mlops/audit/log.jsonl``: one deed a line, each holding the digest of the one before.

    A deed is on the disk when `write` returns. A line torn by a kill is no deed and is cut away by
    the next writer. Cutting off the log's end cannot be seen from the log alone; keep the digest
    that `head` gives elsewhere to notice that too.
    """

    def __init__(self, state: Path) -> None:
        self._folder = state / "audit"
        self._path = self._folder / "log.jsonl"

    def write(self, action: str, subject: str, facts: Mapping[str, Any]) -> Deed:
        """Append a deed.

        Only the line before it is proved again, so that writing stays quick however long the log is.

        Raises:
            StoreError: the log's last line was changed by hand, or the disk refuses.
        """
        make_folder(self._folder)
        with locked(self._folder / "lock"), writing(self._path, "append to the audit log"):
            whole, last = self._end()
            deed = _made(action, subject, facts, after=last)
            _append(self._path, at=whole, line=json.dumps(deed.to_json(), ensure_ascii=False, default=str) + "\n")
            sync_folder(self._folder)
        return deed

    def read(self, subject: str = "") -> list[Deed]:
        """Read the deeds, the oldest first, and see that none was changed, removed or put in between.

        Args:
            subject: only those done to this.

        Raises:
            StoreError: a line does not fit the one before it.
        """
        return [deed for deed in self._verified()[1] if not subject or deed.subject == subject]

    def head(self) -> str:
        """Give the digest of the last deed, which stands for the whole log."""
        deeds = self._verified()[1]
        return deeds[-1].digest if deeds else _START

    def _end(self) -> tuple[int, Deed | None]:
        """Give the bytes of whole lines, and the last deed."""
        if not self._path.exists():
            return 0, None
        with self._path.open("rb") as file:
            line, whole = _last_line(file)
        if not line:
            return whole, None
        return whole, _proved(line, self._path, "the last line")

    def _verified(self) -> tuple[int, list[Deed]]:
        """Give the bytes of whole lines, and their deeds."""
        content = self._path.read_bytes() if self._path.exists() else b""
        whole = content.rfind(b"\n") + 1
        return whole, list(_deeds(content[:whole], self._path))


def _deeds(content: bytes, path: Path) -> Iterator[Deed]:
    previous = _START
    for number, line in enumerate(content.splitlines(), 1):
        deed = _proved(line, path, f"line {number}", where=f"{path}:{number}")
        if deed.previous != previous or deed.number != number:
            raise _broken(path, f"line {number} does not follow the line before it", where=f"{path}:{number}")
        previous = deed.digest
        yield deed


def _proved(line: bytes, path: Path, name: str, *, where: str = "") -> Deed:
    try:
        deed = Deed(**json.loads(line))
    except (ValueError, TypeError) as exc:
        raise _broken(path, f"{name} cannot be read", where=where) from exc
    if deed.digest != _digest(deed.to_json()):
        raise _broken(path, f"{name} was changed after it was written", where=where)
    return deed


def _last_line(file: BinaryIO) -> tuple[bytes, int]:
    """Read from the end until a whole line is there: the line, and the bytes up to its end."""
    size = file.seek(0, os.SEEK_END)
    tail, start = b"", size
    while start and tail.rstrip(b"\n").count(b"\n") < 2:  # noqa: PLR2004 - a torn line may follow the last whole one
        step = min(_BLOCK, start)
        start -= step
        file.seek(start)
        tail = file.read(step) + tail
    whole = tail.rfind(b"\n") + 1
    lines = tail[:whole].splitlines()
    return (lines[-1] if lines else b""), start + whole


def _broken(path: Path, how: str, *, where: str = "") -> StoreError:
    return StoreError(
        f"the audit log is not as it was written: {how}",
        where=where or str(path),
        fix="find out who changed it, and put the file back from a copy",
    )


def _made(action: str, subject: str, facts: Mapping[str, Any], *, after: Deed | None) -> Deed:
    values: dict[str, Any] = {
        "number": after.number + 1 if after else 1,
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "who": f"{_user()}@{socket.gethostname()}",
        "action": action,
        "subject": subject,
        "facts": json.loads(json.dumps(dict(facts), default=str)),
        "previous": after.digest if after else _START,
    }
    return Deed(**values, digest=_digest(values))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number without a name
        return str(os.getuid())


def _digest(values: Mapping[str, Any]) -> str:
    kept = {key: value for key, value in values.items() if key != "digest"}
    return hashlib.sha256(
        json.dumps(kept, sort_keys=True, ensure_ascii=False).encode("utf-8", "backslashreplace")
    ).hexdigest()


def _append(path: Path, *, at: int, line: str) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        os.ftruncate(descriptor, at)
        os.lseek(descriptor, at, os.SEEK_SET)
        rest = memoryview(line.encode("utf-8", "backslashreplace"))
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
