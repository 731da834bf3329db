"""A stage with an effect outside its outputs runs again when the effect is gone, and only then."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from mlops import shortcut
from mlops.outcome import Finished
from mlops.project import Project
from tests.toy_project import Toy

PLUGIN = '''
from mlops import formats
from mlops.stage import Context, Place, Stage, Traces


class Flag(Stage):
    """Raise a flag."""

    colour: str = "red"

    def stands(self, made, place: Place) -> str:
        return "" if (place.state / "flags" / self.colour).exists() else f"the {self.colour} flag is down"

    def traces(self, made, place: Place):
        return TRACES

    def run(self, table: formats.Table, *, context: Context) -> formats.Table:
        flag = context.place.state / "flags" / self.colour
        flag.parent.mkdir(exist_ok=True)
        flag.write_text(context.place.run)
        context.audit("raise", f"flag/{self.colour}", digest=context.digests["table"], key="${oc.env:TOY_KEY}")
        return formats.Table.create(context.output("table"), table.read(), roles=table.roles)
'''
RECIPE = """
# A table and a flag. Run it: mlops run recipe=flag
stages: [data, flag]
data: {_target_: mlops_polars.data.Data, path: rows.csv}
flag: {_target_: signals.Flag}
"""
FILES = 'Traces((place.state / "flags" / self.colour,))'


def flagged(toy: Toy, traces: str = FILES) -> Toy:
    (toy.root / "plugins" / "signals.py").write_text(PLUGIN.replace("TRACES", traces))
    (toy.root / "recipes" / "flag.yaml").write_text(RECIPE)
    (toy.root / "rows.csv").write_text("x\n1\n2\n")
    return toy


def flag(toy: Toy) -> Path:
    return toy.root / ".mlops" / "flags" / "red"


def taken(toy: Toy) -> Finished | None:
    return shortcut.take(Project(toy.root), ("recipe=flag",), out=io.StringIO())


def test_effect_that_stands_is_reused(toy: Toy) -> None:
    flagged(toy)
    assert toy.actions("recipe=flag") == {"data": "run", "flag": "run"}
    assert toy.actions("recipe=flag") == {"data": "reuse", "flag": "reuse"}


def test_effect_that_is_gone_is_made_again_and_the_plan_says_why(toy: Toy) -> None:
    flagged(toy).run("recipe=flag")
    flag(toy).unlink()
    assert toy.plan("recipe=flag")["flag"]["reasons"] == ["the red flag is down"]
    assert toy.actions("recipe=flag") == {"data": "reuse", "flag": "run"}
    assert flag(toy).exists()


def test_stage_knows_its_run_and_the_digests_of_its_inputs(toy: Toy) -> None:
    run = flagged(toy).run("recipe=flag")["run"]
    assert flag(toy).read_text() == run
    deed = (toy.root / ".mlops" / "audit" / "log.jsonl").read_text()
    assert f'"run": "{run}"' in deed
    assert '"digest": "' in deed


def test_untouched_effect_lets_the_shortcut_be_taken(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortcut, "MARGIN", 0)
    flagged(toy).run("recipe=flag")
    assert taken(toy) is not None
    flag(toy).unlink()
    assert taken(toy) is None


def test_effect_without_traces_is_always_left_to_the_planner(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortcut, "MARGIN", 0)
    flagged(toy, traces="None").run("recipe=flag")
    assert taken(toy) is None


def test_lock_that_nobody_holds_is_left_to_the_planner(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortcut, "MARGIN", 0)
    flagged(toy, traces='Traces((), (place.state / "life.lock",))').run("recipe=flag")
    assert taken(toy) is None


def test_effect_in_a_process_of_its_own_is_written_down_too(toy: Toy) -> None:
    flagged(toy).run("recipe=flag", "+flag.timeout=60")
    assert '"action": "raise"' in (toy.root / ".mlops" / "audit" / "log.jsonl").read_text()
