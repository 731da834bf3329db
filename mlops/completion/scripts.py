"""The scripts that teach a shell to complete ``mlops``: verbs by themselves, the rest by asking."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path

from mlops.completion.candidates import SETTLED

__all__ = ["SHELLS", "script"]

SHELLS = ("bash", "zsh", "fish")

_VERB = re.compile(r"``mlops (\w+)``: (.+)")


def script(shell: str) -> str:
    """Fill in a shell's template."""
    text = (Path(__file__).parent / "templates" / f"mlops.{shell}").read_text(encoding="utf-8")
    settled = {"bash": _bash_cases, "zsh": _bash_cases, "fish": _fish_lines}[shell]()
    verbs = {"bash": " ".join, "zsh": _zsh_verbs, "fish": _fish_verbs}[shell](_verbs())
    return text.replace("@VERBS@", verbs).replace("@SETTLED@", settled)


def _verbs() -> dict[str, str]:
    """Read the verbs, each with its line, from the modules that carry them out; none is imported."""
    found: dict[str, str] = {}
    for path in sorted((Path(__file__).parents[1] / "commands").glob("*.py")):
        words = _VERB.match(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")
        if words and words[1] == path.stem:
            found[words[1]] = words[2].rstrip(".")
    return found


def _bash_cases() -> str:
    return "\n".join(f'        {verb}) settled="{" ".join(words)}" ;;' for verb, words in SETTLED.items())


def _zsh_verbs(verbs: Mapping[str, str]) -> str:
    return "\n".join(f"        {_quoted(f'{verb}:{text}')}" for verb, text in verbs.items())


def _fish_verbs(verbs: Mapping[str, str]) -> str:
    line = "complete -c mlops -n __fish_use_subcommand -f -a {} -d {}"
    return "\n".join(line.format(verb, _quoted(text)) for verb, text in verbs.items())


def _fish_lines() -> str:
    line = "complete -c mlops -n '__fish_seen_subcommand_from {}' -a '{}'"
    return "\n".join(line.format(verb, " ".join(words)) for verb, words in SETTLED.items())


def _quoted(text: str) -> str:
    """Quote for a POSIX shell, in a way that fish reads alike."""
    return "'" + text.replace("'", "'\\''") + "'"
