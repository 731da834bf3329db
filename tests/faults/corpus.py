"""The cases of tests/faults: read, put up as projects, and checked."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlops.cli import main

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One mistake, or several at once, and what must be said of each."""

    folder: Path
    overrides: tuple[str, ...]
    faults: tuple[dict[str, Any], ...]
    special: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Case:
        """Read ``expect.yaml``."""
        given = yaml.safe_load((folder / "expect.yaml").read_text(encoding="utf-8"))
        overrides, faults = given.pop("overrides"), given.pop("faults")
        return cls(folder, tuple(overrides), tuple(faults or ()), given)

    def put_up(self, project: Path) -> None:
        """Copy the case into a project folder."""
        shutil.copytree(self.folder, project, dirs_exist_ok=True, ignore=shutil.ignore_patterns("expect.yaml"))
        (project / "plugins").mkdir(exist_ok=True)
        (project / "recipes").mkdir(exist_ok=True)
        shutil.copy(HERE / "plugins" / "toy.py", project / "plugins" / "toy.py")
        for name in self.special.get("folders", ()):
            (project / name).mkdir(parents=True)
        for name in self.special.get("pipes", ()):
            os.mkfifo(project / name)
        for name, target in self.special.get("links", {}).items():
            (project / name).symlink_to(target)
        for name, text in self.special.get("bytes", {}).items():
            (project / name).write_bytes(bytes.fromhex(text))

    def check(self, project: Path) -> list[dict[str, Any]]:
        """Run ``mlops check --json`` in this process, and give what it reports."""
        self.put_up(project)
        out = io.StringIO()
        with _inside(project, self.special.get("env", {})), contextlib.redirect_stdout(out):
            code = main(["check", "--json", *self.overrides])
        report = json.loads(out.getvalue())
        assert report["ok"] == (code == 0) == (not report["errors"])
        errors: list[dict[str, Any]] = report["errors"]
        return errors


@contextlib.contextmanager
def _inside(project: Path, environment: dict[str, str]) -> Iterator[None]:
    """Be in a project for a while; what it imported is forgotten afterwards."""
    here, path, modules, variables = Path.cwd(), list(sys.path), set(sys.modules), dict(os.environ)
    os.chdir(project)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ.update(variables)
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if file.startswith(str(project)):
                del sys.modules[name]


def cases() -> list[Case]:
    """List every case by name."""
    return [Case.read(path.parent) for path in sorted(HERE.glob("*/expect.yaml"))]
