"""``mlops completion``: the script that completes commands in a shell, and the answers it asks for."""

from __future__ import annotations

import json

from mlops.commands.arguments import parser
from mlops.completion import SHELLS, candidates, script

__all__ = ["main"]

_DESCRIPTION = (
    "Print the script that completes mlops in a shell: verbs, recipes, groups, choices, keys, stages and runs. "
    "For this shell only: source <(mlops completion bash)"
)


def main(argv: list[str]) -> int:
    """Print a shell's script; with ``query VERB WORD OTHERS...`` the words that may stand in WORD's place."""
    if argv[:1] == ["query"]:
        return _query(argv[1:])
    made = parser("completion", _DESCRIPTION)
    made.add_argument("shell", choices=SHELLS, help="the shell")
    given = made.parse_args(argv)
    text = script(given.shell)
    print(json.dumps({"shell": given.shell, "script": text}) if given.json else text, end="")
    return 0


def _query(words: list[str]) -> int:
    verb, word, *others = [*words, "", ""][: max(2, len(words))]
    try:
        print("\n".join(candidates(verb, word, others)))
    except Exception:  # noqa: BLE001 - whatever is wrong with the project, a Tab key must not print a traceback
        return 1
    return 0
