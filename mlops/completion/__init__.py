"""What a shell may offer next on a command line: scripts for the verbs, answers for everything behind one."""

from __future__ import annotations

from mlops.completion.candidates import candidates
from mlops.completion.scripts import SHELLS, script

__all__ = ["SHELLS", "candidates", "script"]
