"""The toy project under git, as a person commits to it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.toy_project import Toy

__all__ = ["Repository"]

_WHO = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")


class Repository(Toy):
    """A toy project whose files are committed."""

    def git(self, *words: str) -> str:
        """Have git do something that must succeed."""
        done = subprocess.run(["git", *_WHO, *words], cwd=self.root, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def begin(self) -> None:
        """Make the repository, with everything committed and ``.mlops/`` ignored."""
        (self.root / ".gitignore").write_text(".mlops/\n__pycache__/\n")
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit("start")

    def commit(self, message: str) -> str:
        """Commit everything; give the commit's name."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text in a file."""
        path: Path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
