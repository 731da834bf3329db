from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from mlops.services.versions import Versions
from mlops.stage import Place
from mlops.testing.versions import VersionsContract
from mlops_dvc.versions import Dvc

CONFIG = """[core]
    remote = store
    analytics = false
['remote "store"']
    url = ../store
"""


def _git(place: Place, *words: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=x", "-c", "user.email=x@y", *words], cwd=place.root, capture_output=True, check=True
    )


class TestDvc(VersionsContract):
    def versions(self) -> Versions:
        return Dvc()

    def project(self, folder: Path) -> Place:
        place = Place(folder, folder / ".mlops")
        _git(place, "init", "-q")
        (folder / ".gitignore").write_text(".mlops/\nstore/\n")
        (folder / ".dvc").mkdir()
        (folder / ".dvc" / "config").write_text(CONFIG)
        return place

    def commit(self, place: Place, rev: str) -> None:
        _git(place, "add", "-A")
        _git(place, "commit", "-qm", rev)
        _git(place, "tag", rev)

    def forget(self, place: Place) -> None:
        shutil.rmtree(place.root / ".dvc" / "cache")
