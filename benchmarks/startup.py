"""How long the command line takes to answer, and what it loads for that.

python benchmarks/startup.py
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measuring import Samples, command, interleaved, output, program
from benchmarks.projects import dvc_environment, temporary
from benchmarks.reporting import Aim, Report, Row, asked, present

_HEAVY = ("torch", "ray", "bentoml", "mlflow", "whylogs", "lightgbm", "sklearn", "pandas")
_VERBS = (("--help",), ("plan", "recipe=flights"), ("check", "recipe=flights"), ("ls",))
_PROBE = """
import contextlib, io, json, sys
from mlops.cli import main
with contextlib.redirect_stdout(io.StringIO()):
    main(sys.argv[2:])
print(json.dumps([name for name in sys.argv[1].split(",") if name in sys.modules]))
"""


def main() -> None:
    """Measure and print."""
    given = asked(__doc__, repeats=7)
    with temporary() as folder:
        (folder / "recipes").mkdir()
        present(_measured(folder, given.repeats), as_json=given.json)


def _measured(folder: Path, repeats: int) -> Report:
    mlops, env = program("mlops"), dvc_environment(folder)
    commands: dict[str, Sequence[str]] = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "dvc --help": [program("dvc"), "--help"],
        **{_shown(verb): [mlops, *verb] for verb in _VERBS},
    }
    for words in commands.values():
        command(words, folder=folder, env=env)  # compiles what is not compiled yet
    cases = {name: lambda words=words: command(words, folder=folder, env=env) for name, words in commands.items()}
    found = interleaved(cases, repeats=repeats)
    loaded = {_shown(verb): _heavy_after(verb, folder) for verb in _VERBS}
    heavy = sum(len(names) for names in loaded.values())
    ratio = found["mlops --help"].wall / found["python -c pass"].wall
    aims = (Aim("mlops --help / python -c pass", ratio, 5, "×"), Aim("heavy libraries loaded", heavy, 0))
    return Report("startup", _rows(found), aims, (_told(loaded),))


def _rows(found: dict[str, Samples]) -> tuple[Row, ...]:
    bare = found["python -c pass"]
    against = Row("mlops --help", found["mlops --help"], "dvc --help", found["dvc --help"])
    return (*(Row(_shown(verb), found[_shown(verb)], "python -c pass", bare) for verb in _VERBS), against)


def _heavy_after(verb: Sequence[str], folder: Path) -> list[str]:
    words = [sys.executable, "-c", _PROBE, ",".join(_HEAVY), *verb]
    names: list[str] = json.loads(output(words, folder=folder)[1].splitlines()[-1])
    return names


def _told(loaded: dict[str, list[str]]) -> str:
    lines = [f"  {verb}: {', '.join(names) or 'none'}" for verb, names in loaded.items()]
    return f"Loaded of {', '.join(_HEAVY)}:\n" + "\n".join(lines)


def _shown(verb: Sequence[str]) -> str:
    return " ".join(("mlops", *verb))


if __name__ == "__main__":
    main()
