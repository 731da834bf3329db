"""Where DVC keeps things: its root, and the cache in which contents lie under their digests."""

from __future__ import annotations

import os
import sys
from configparser import ConfigParser, Error
from dataclasses import dataclass
from pathlib import Path

from mlops.errors import ProjectError

__all__ = ["Cache", "dvc_root", "open_cache"]


def dvc_root(folder: Path) -> Path | None:
    """Find the nearest folder upward that holds ``.dvc/``; the search ends at the root of a git repository."""
    for here in (folder, *folder.parents):
        if (here / ".dvc").is_dir():
            return here
        if (here / ".git").exists():
            return None
    return None


@dataclass(frozen=True)
class Cache:
    """Contents under their digests."""

    folder: Path

    def path(self, md5: str, *, is_legacy: bool) -> Path:
        """Say where a content lies, or would lie."""
        base = self.folder if is_legacy else self.folder / "files" / "md5"
        return base / md5[:2] / md5[2:]


def open_cache(root: Path) -> Cache:
    """Find the cache of a DVC root; ``.dvc/config.local`` has the last word, as in DVC.

    Raises:
        ProjectError: a config file cannot be read.
    """
    home = root / ".dvc"
    chosen = home / "cache"
    for path in (_global_config(), home / "config", home / "config.local"):
        folder = _cache_folder(path)
        chosen = path.parent / Path(folder).expanduser() if folder else chosen
    return Cache(Path(os.path.normpath(chosen)))


def _cache_folder(path: Path) -> str:
    config = ConfigParser(interpolation=None, strict=False)
    try:
        config.read(path, encoding="utf-8")
    except (Error, UnicodeError) as exc:
        raise ProjectError("DVC's config cannot be read", where=str(path), fix="dvc config --list") from exc
    return config.get("cache", "dir", fallback="").strip("'\" ")


def _global_config() -> Path:
    """Name the config of this user, where DVC looks for it."""
    told = os.environ.get("DVC_GLOBAL_CONFIG_DIR")
    if told:
        return Path(told) / "config"
    plain = Path.home() / ("Library/Application Support" if sys.platform == "darwin" else ".config")
    return Path(os.environ.get("XDG_CONFIG_HOME") or plain) / "dvc" / "config"
