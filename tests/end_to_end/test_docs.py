"""The README and the course, carried out as a reader would: every command, every file, what they show.

Each page starts in an empty folder (the README in one that holds conf/ and recipes/, as a checkout does).
Its fenced blocks are taken in order; the words after the three backticks say what a block is:

``console``       lines that open with ``$ `` are commands, the lines below one are all that it prints
``bash``          one command a line, without what it prints; each must end with exit code 0
``python FILE``   (or yaml, json) is written to FILE; a block that names no file is only shown

A command must end with exit code 0, unless the page goes on with ``$ echo $?`` and another code.
Of what it prints, runs of blanks count as one; run IDs, durations, sizes of memory and measured values (three
digits or more behind the point) may differ; ``…`` stands for anything within a line, and alone on a line for any
number of lines. Commands of other programs that change the machine (see ``EXEMPT``) are not carried out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mlops.cli import VERBS

ROOT = Path(__file__).parents[2]
COURSE = (
    *("1-first-run", "2-concepts", "3-your-recipe", "4-your-stage"),
    *("features", "history", "models", "training", "automl", "predicting", "data-versions"),
    *("tracking", "gates", "registry", "serving", "packaging", "monitoring", "loop"),
    *("ray", "reproduce", "doctor", "ci"),
    *("command-line", "security", "reliability"),
)
LONG = ("gates", "registry", "tracking", "serving", "packaging", "loop", "ray", "reproduce")
"""Pages that start servers, databases or clusters; left to the slow tests."""

PAGES = [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in COURSE)]
ALL = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]

EXEMPT = ("make", "pip", "git", "source")
"""They install, clone or change the shell; ``make run`` and ``make test`` are what .ci/run does."""

VARYING = {
    r"\d{8}-\d{6}-\d{3}-[0-9a-f]{4}": r"\d{8}-\d{6}-\d{3}-[0-9a-f]{4}",
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
    r"\d+(\.\d+)? (ms|s|min)\b": r"(\d+ min )?\d+(\.\d+)? (ms|s)",
    r"\d+(\.\d+)? (MiB|GiB)\b": r"\d+(\.\d+)? (MiB|GiB)",
    r"-?\d+\.\d{3,}(e-\d+)?": r"-?\d+(\.\d+)?(e-\d+)?",
    r"\d\.\d+e-\d+": r"\d(\.\d+)?e-\d+",
    "…": ".*",
}
"""What in a shown line may differ, and what it may differ to."""

_ANY = re.compile("|".join(VARYING))
_FENCE = re.compile(r"^```(\S+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
_CODE = re.compile(r"`[^`\n]+`")


@dataclass
class Command:
    """One command of a page."""

    text: str
    shown: list[str] = field(default_factory=list)
    code: int = 0

    def expects(self) -> str:
        """Make the pattern of all that the command prints."""
        lines = [r"(?:.*\n)*?" if line.strip() == "…" else f"{_pattern(line)}\n" for line in self.shown]
        return "".join(lines)


@dataclass
class Reader:
    """Somebody who types what a page says."""

    folder: Path
    variables: dict[str, str]

    def write(self, name: str, body: str) -> None:
        """Write a file as the page has it."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8")

    def type(self, command: Command) -> None:
        """Carry out one command and compare what it prints."""
        words = command.text.split()
        if words[0] in EXEMPT:
            return
        if words[0] == "cd":
            self.folder = (self.folder / words[1]).resolve()
        elif words[0] == "export":
            name, _, value = command.text.removeprefix("export ").partition("=")
            self.variables[name] = value
        else:
            self.run(command)

    def run(self, command: Command) -> None:
        """Have the shell carry out a command."""
        done = subprocess.run(
            ["bash", "-c", command.text],
            cwd=self.folder,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=800,
            check=False,
        )
        told = f"$ {command.text}\n{done.stdout}"
        assert done.returncode == command.code, told
        printed = "".join(f"{_squeezed(line)}\n" for line in done.stdout.strip("\n").splitlines())
        if command.shown and not re.fullmatch(command.expects(), printed):
            pytest.fail("\n".join([told, "--- the page shows", *command.shown]), pytrace=False)


def _squeezed(line: str) -> str:
    return re.sub(r"\s+", " ", line).strip()


def _pattern(line: str) -> str:
    """Make the pattern of one shown line."""
    text, place, found = _squeezed(line), 0, ""
    for match in _ANY.finditer(text):
        allowed = next(value for key, value in VARYING.items() if re.fullmatch(key, match[0]))
        found += re.escape(text[place : match.start()]) + allowed
        place = match.end()
    return found + re.escape(text[place:])


def _commands(kind: str, body: str) -> Iterator[Command]:
    lines = body.rstrip("\n").splitlines()
    if kind == "bash":
        yield from (Command(line.split("  #")[0].strip()) for line in lines if line.strip() and line[0] != "#")
        return
    current: list[Command] = []
    for line in lines:
        if line.startswith("$ "):
            current.append(Command(line[2:]))
        else:
            current[-1].shown.append(line)
    for command, following in zip(current, [*current[1:], Command("")], strict=True):
        if following.text == "echo $?":
            command.code = int(following.shown[0])
        while command.shown and not command.shown[-1].strip():
            command.shown.pop()
        if command.text != "echo $?":
            yield command


def _follow(page: Path, reader: Reader) -> int:
    """Do all that a page says; give how many commands of ours it has."""
    count = 0
    for kind, name, body in _FENCE.findall(page.read_text(encoding="utf-8")):
        if kind in ("console", "bash"):
            for command in _commands(kind, body):
                count += command.text.startswith("mlops ")
                reader.type(command)
        elif name:
            reader.write(name, body)
    return count


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """A reader in an empty folder, with `mlops` at hand."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return Reader(tmp_path, {**os.environ, "PATH": path, "COLUMNS": "80"})


def _marks(page: Path) -> list[pytest.MarkDecorator]:
    return [pytest.mark.slow, pytest.mark.timeout(600)] if page.stem in LONG else []


@pytest.mark.parametrize("page", [pytest.param(page, id=page.stem, marks=_marks(page)) for page in PAGES[1:]])
def test_a_page_of_the_course_does_what_it_says(page: Path, reader: Reader) -> None:
    assert _follow(page, reader) > 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_readme_does_what_it_says(reader: Reader) -> None:
    for name in ("conf", "recipes"):
        shutil.copytree(ROOT / name, reader.folder / name)
    assert _follow(PAGES[0], reader) > 0


@pytest.mark.parametrize("page", ALL, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    text = _CODE.sub("`code`", page.read_text(encoding="utf-8"))
    dead = [link for link in _LINK.findall(text) if not (page.parent / link).exists()]
    assert dead == []


def test_the_index_leads_to_every_page() -> None:
    linked = set(_LINK.findall((ROOT / "docs" / "index.md").read_text(encoding="utf-8")))
    pages = {page.name for page in (ROOT / "docs").glob("*.md")}
    assert pages - {"index.md"} - linked == set()


def test_every_page_with_commands_is_carried_out() -> None:
    typed = {page for page in (ROOT / "docs").glob("*.md") if "```console" in page.read_text(encoding="utf-8")}
    assert typed - set(PAGES) == set()


@pytest.mark.parametrize("verb", VERBS)
def test_the_command_line_page_has_every_flag_of_a_verb(verb: str, reader: Reader) -> None:
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    section = page.split(f"\n## mlops {verb}\n")[1].split("\n## ")[0]
    words = [sys.executable, "-m", "mlops", verb, "--help"]
    told = subprocess.run(words, cwd=reader.folder, capture_output=True, text=True, check=True).stdout
    flags = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", told)) - {"--help", "--json"}
    assert {flag for flag in flags if flag not in section} == set()


def test_the_architecture_page_names_every_engine_module() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    found = (ROOT / "mlops").iterdir()
    modules = {path.stem for path in found if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert {name for name in modules - {"__init__", "__main__"} if f"`{name}`" not in page} == set()
