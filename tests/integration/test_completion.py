"""Tab completion: what bash really offers, and the words behind it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops.cli import VERBS, main
from mlops.completion import candidates
from mlops.completion.candidates import ASKED, SETTLED

FILES = {
    "recipes/flights.yaml": "defaults: [{data: table}, {model: linear}, _self_]\nstages: [data]\n"
    "description: $(touch pwned)\ndata: {path: x.csv}\n",
    "recipes/churn.yaml": "defaults: [{model: linear}, _self_]\nstages: [model]\n",
    "conf/model/linear.yaml": "_target_: shop.Linear\nstrength: 1\n",
    "conf/model/lightgbm.yaml": "_target_: shop.Trees\n",
    ".mlops/runs/20240102-030405-aaaa/run.json": "{}",
    ".mlops/runs/20240103-030405-bbbb/run.json": "{}",
}
ASK = r"""
source "$1"
COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
COMP_LINE="$2"
COMP_POINT="${3:-${#2}}"
_mlops
printf '%s\n' "${COMPREPLY[@]}"
"""

Tab = Callable[..., list[str]]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shop")
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture(scope="module")
def tab(shop: Path) -> Tab:
    """Press Tab at the end of a line, or at a point of it, in bash."""
    command = [sys.executable, "-m", "mlops", "completion", "bash"]
    script = shop / "mlops.bash"
    script.write_text(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def press(line: str, point: int | None = None, path: str = path) -> list[str]:
        asked = ["bash", "--norc", "-c", ASK, "bash", str(script), line, *([str(point)] if point else [])]
        done = subprocess.run(
            asked, cwd=shop, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True
        )
        assert done.stderr == ""
        return done.stdout.split()

    return press


def test_bash_completes_a_verb(tab: Tab) -> None:
    assert tab("mlops ru") == ["run", "runs"]


def test_bash_completes_verbs_without_starting_python(tab: Tab) -> None:
    assert tab("mlops ", path="/nowhere:/usr/bin:/bin")[: len(VERBS)] == sorted(VERBS)


def test_bash_completes_recipe(tab: Tab) -> None:
    assert tab("mlops run rec") == ["recipe="]


def test_bash_completes_a_recipes_name(tab: Tab) -> None:
    assert tab("mlops run recipe=fl") == ["flights"]


def test_bash_completes_a_groups_choices(tab: Tab) -> None:
    assert {"lightgbm", "linear"} <= set(tab("mlops run recipe=churn model="))


def test_bash_completes_a_key(tab: Tab) -> None:
    assert tab("mlops plan recipe=churn model.str") == ["model.strength="]


def test_bash_looks_at_the_words_behind_the_cursor(tab: Tab) -> None:
    line = "mlops explain model.str recipe=churn"
    assert tab(line, len("mlops explain model.str")) == ["model.strength"]


def test_bash_completes_what_a_verb_always_takes(tab: Tab) -> None:
    assert tab("mlops completion ") == ["bash", "zsh", "fish", "--json", "--help"]


def test_bash_completes_behind_an_override_in_a_sweep(tab: Tab) -> None:
    assert tab("mlops run -m recipe=churn model=line") == ["linear"]


def test_bash_says_nothing_of_an_unknown_verb(tab: Tab) -> None:
    assert tab("mlops fly rec") == []


def test_bash_runs_nothing_that_a_value_holds(tab: Tab, shop: Path) -> None:
    assert tab("mlops run recipe=flights description=") == []
    assert not (shop / "pwned").exists()


@pytest.mark.parametrize(
    ("verb", "word", "others", "expected"),
    [
        ("run", "recipe=fl", [], {"recipe=flights"}),
        ("check", "mod", ["recipe=churn"], {"model=", "model."}),
        ("explain", "model.", ["recipe=churn"], {"model._target_", "model.strength"}),
        ("explain", "model=line", ["model.strength", "recipe=churn"], {"model=linear"}),
        ("run", "", ["recipe=flights", "--from"], {"data"}),
        ("run", "d", ["--only", "recipe=flights"], {"data"}),
        ("run", "--f", [], {"--from", "--force"}),
        ("runs", "s", [], {"show", "sync"}),
        ("runs", "20240103", ["show"], {"20240103-030405-bbbb"}),
        ("ls", "", [], set()),
    ],
)
def test_candidates(
    shop: Path, monkeypatch: pytest.MonkeyPatch, verb: str, word: str, others: list[str], expected: set[str]
) -> None:
    monkeypatch.chdir(shop)
    assert expected == set(candidates(verb, word, others))


def test_a_broken_project_offers_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "bad.yaml").write_text("a: [\n")
    monkeypatch.chdir(tmp_path)
    main(["completion", "query", "run", "model.", "recipe=bad"])
    said = capsys.readouterr()
    assert said.out.split() == []
    assert "Traceback" not in said.err


def test_every_verb_is_completed() -> None:
    assert {*ASKED, *SETTLED} == set(VERBS)


@pytest.mark.parametrize("verb", [*ASKED, *SETTLED])
def test_every_word_offered_is_one_the_verb_takes(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([verb, "--help"])
    told = capsys.readouterr().out
    offered = [word for word in {**ASKED, **SETTLED}[verb] if word not in ("--multirun", "-m", "--cfg", "--info")]
    assert [word for word in offered if word not in told] == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_a_script_with_every_verb(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(verb in script for verb in VERBS)
    assert "@" not in script.replace("(@)", "")


def test_gives_machines_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash", "--json"]) == 0
    assert "_mlops" in json.loads(capsys.readouterr().out)["script"]
