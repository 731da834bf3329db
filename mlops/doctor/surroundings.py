"""Clock and text encoding."""

from __future__ import annotations

import locale
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from mlops.doctor.finding import Finding, fail, ok, warn
from mlops.project import Project

__all__ = ["examine_clock", "examine_locale"]

_MOST_APART = 2.0
"""Seconds; some file systems keep times to two."""


def examine_clock(project: Project) -> Iterator[Finding]:
    """Compare the system's clock with the file system's, and with the age of these files."""
    now = time.time()
    built = Path(__file__).stat().st_mtime
    if built > now + 86_400:
        what = f"it is {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, before these files were installed"
        yield fail("clock", what, where=__file__, fix="set the clock: timedatectl set-ntp true")
        return
    apart = _apart(project)
    if apart > _MOST_APART:
        what = (
            f"the file system's clock is {apart:.0f} s away from the system's: files look newer or older than they are"
        )
        yield warn("clock", what, where=str(project.root), fix="let both machines follow NTP")
    else:
        yield ok("clock", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, as the file system has it")


def _apart(project: Project) -> float:
    place = project.state if project.state.is_dir() else project.root
    with tempfile.NamedTemporaryFile(prefix=".doctor-", dir=place) as file:
        written = Path(file.name).stat().st_mtime
    return abs(time.time() - written)


def examine_locale() -> Iterator[Finding]:
    """See that texts are UTF-8 everywhere."""
    encodings = {
        "file names": sys.getfilesystemencoding(),
        "files": locale.getpreferredencoding(False),
        "output": getattr(sys.stdout, "encoding", "") or "utf-8",
    }
    other = {what: name for what, name in encodings.items() if name.lower().replace("-", "") != "utf8"}
    for what, name in other.items():
        yield warn("locale", f"{what} are taken for {name}, not UTF-8", fix="export PYTHONUTF8=1 LC_ALL=C.UTF-8")
    if not other:
        yield ok("locale", "UTF-8")
