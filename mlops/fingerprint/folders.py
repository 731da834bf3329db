"""Walk a folder's files in a fixed order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

__all__ = ["walk"]


def walk(folder: Path, *, within: tuple[tuple[int, int], ...] = ()) -> Iterator[Path]:
    """Yield every file below ``folder`` (links followed, loops left out), sorted by name in each folder."""
    status = folder.stat()
    here = (status.st_dev, status.st_ino)
    if here in within:
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            yield from walk(path, within=(*within, here))
        else:
            yield path
