"""The toy project in a folder of its own, and the command line as a person uses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOY = Path(__file__).parent / "toy"

Ended = Callable[[subprocess.Popen[str]], None]
"""Hands a process over, to be ended with the test."""


@dataclass(frozen=True)
class Answer:
    """What a command gave back."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> Any:
        """The last line of standard output, as JSON."""
        return json.loads(self.out.strip().splitlines()[-1])


@dataclass(frozen=True)
class Toy:
    """The toy project in a folder of its own."""

    root: Path

    def __call__(self, *words: str, **variables: str) -> Answer:
        """Run one command in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "mlops", *words],
            cwd=self.root,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Begin a command and go on."""
        return subprocess.Popen(
            [sys.executable, "-m", "mlops", *words],
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str) -> Any:
        """Run a recipe that must succeed; give its JSON."""
        answer = self("run", *words, "--json")
        assert answer.code == 0, answer.err
        return answer.last

    def actions(self, *words: str) -> dict[str, str]:
        """Run a recipe; give stage → action."""
        return {step["stage"]: step["action"] for step in self.run(*words)["steps"]}

    def plan(self, *words: str) -> dict[str, dict[str, Any]]:
        """Plan a recipe; give stage → step."""
        answer = self("plan", *words, "--json")
        assert answer.code == 0, answer.err
        return {step["stage"]: step for step in answer.last["steps"]}

    @property
    def artifacts(self) -> list[Path]:
        """Folders of all artifacts in the store."""
        return sorted(p.parent for p in (self.root / ".mlops" / "store" / "artifacts").glob("*/*/manifest.json"))
