"""What runs again, what does not, and what the plan says of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.toy_project import Toy

pytestmark = pytest.mark.usefixtures("toy")


def test_a_second_run_reuses_every_stage(toy: Toy) -> None:
    assert set(toy.actions("recipe=chain").values()) == {"run"}
    assert set(toy.actions("recipe=chain").values()) == {"reuse"}


def test_a_changed_parameter_reruns_its_stage_and_what_depends_on_it(toy: Toy) -> None:
    toy.run("recipe=chain")
    plan = toy.plan("recipe=chain", "check.secret=x")
    assert [step["action"] for step in plan.values()] == ["reuse", "reuse", "run", "run"]
    assert plan["check"]["reasons"] == ["check.secret added: x (override 2 on the command line)"]
    assert plan["again"]["reasons"] == ["check runs again"]


def test_equal_outputs_spare_the_stages_below(toy: Toy) -> None:
    toy.run("recipe=chain")
    assert toy.actions("recipe=chain", "scale.note=other") == {
        "count": "reuse",
        "scale": "run",
        "check": "reuse",
        "again": "reuse",
    }


def test_an_edited_helper_reruns_the_stages_that_import_it(toy: Toy) -> None:
    toy.run("recipe=chain")
    helper = toy.root / "plugins" / "toy" / "arithmetic.py"
    helper.write_text(helper.read_text() + "\n# edited\n")
    plan = toy.plan("recipe=chain")
    assert plan["scale"]["reasons"] == ["plugins/toy/arithmetic.py changed"]


def test_a_plugin_edited_while_its_stage_runs_leaves_nothing_to_reuse(toy: Toy) -> None:
    helper = toy.root / "plugins" / "toy" / "arithmetic.py"
    edit = "    from pathlib import Path\n\n    Path(__file__).write_text('# edited')\n"
    touching = helper.read_text().replace("    return frame", f"{edit}    return frame")
    helper.write_text(touching)
    answer = toy("run", "recipe=chain")
    assert answer.code == 0, answer.err
    assert "plugins/toy/arithmetic.py changed while the stage ran" in answer.err + answer.out
    helper.write_text(touching)
    assert toy.plan("recipe=chain")["scale"]["action"] == "run"


def test_an_unrelated_plugin_file_reruns_nothing(toy: Toy) -> None:
    toy.run("recipe=chain")
    (toy.root / "plugins" / "other.py").write_text("x = 1\n")
    assert {step["action"] for step in toy.plan("recipe=chain").values()} == {"reuse"}


def test_changed_bytes_of_a_data_file_rerun_its_reader(toy: Toy) -> None:
    toy.run("recipe=file")
    data = toy.root / "data" / "numbers.csv"
    before = data.stat()
    data.write_text("x\n1\n2\n4\n")
    os.utime(data, ns=(before.st_atime_ns, before.st_mtime_ns))
    plan = toy.plan("recipe=file")
    assert plan["read"]["reasons"] == ["data/numbers.csv changed"]
    assert plan["scale"]["action"] == "run"


def test_another_date_of_a_data_file_reruns_nothing(toy: Toy) -> None:
    toy.run("recipe=file")
    os.utime(toy.root / "data" / "numbers.csv", (1, 1))
    assert {step["action"] for step in toy.plan("recipe=file").values()} == {"reuse"}


def test_a_comment_in_the_recipe_reruns_nothing(toy: Toy) -> None:
    toy.run("recipe=chain")
    recipe = toy.root / "recipes" / "chain.yaml"
    recipe.write_text("# a new comment\n\n" + recipe.read_text())
    assert {step["action"] for step in toy.plan("recipe=chain").values()} == {"reuse"}


def test_an_upgraded_library_reruns_the_stages_that_declare_it(toy: Toy, tmp_path: Path) -> None:
    site = tmp_path / "site"
    declare = toy.root / "plugins" / "toy" / "numbers.py"
    declare.write_text(
        declare.read_text().replace(
            "    factor: float = 1.0", '    libraries = ("wonderlib",)\n    factor: float = 1.0'
        )
    )
    _install(site, "1.0")
    answer = toy("run", "recipe=chain", "--json", PYTHONPATH=_with(site))
    assert answer.code == 0, answer.err
    _install(site, "1.1")
    answer = toy("plan", "recipe=chain", "--json", PYTHONPATH=_with(site))
    steps = {step["stage"]: step for step in answer.last["steps"]}
    assert steps["count"]["action"] == "reuse"
    assert steps["scale"]["reasons"] == ["wonderlib 1.0 → 1.1"]


def _with(site: Path) -> str:
    return os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])


def _install(site: Path, version: str) -> None:
    for old in site.glob("wonderlib-*"):
        (old / "METADATA").unlink()
        old.rmdir()
    info = site / f"wonderlib-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: wonderlib\nVersion: {version}\n")


def test_the_seed_counts_in_every_key(toy: Toy) -> None:
    toy.run("recipe=chain")
    assert toy.plan("recipe=chain", "seed=1")["count"]["reasons"] == ["seed 0 → 1"]


def test_what_cannot_be_fingerprinted_runs_every_time_and_spares_what_is_below(toy: Toy) -> None:
    toy.run("recipe=ask")
    assert toy.actions("recipe=ask") == {"ask": "run", "scale": "reuse"}
    assert toy.plan("recipe=ask")["ask"]["reasons"] == ["a database cannot be fingerprinted"]


def _flip_a_byte(file: Path) -> None:
    file.chmod(0o644)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


def _delete(file: Path) -> None:
    file.parent.chmod(0o755)
    file.unlink()


@pytest.mark.parametrize(("harm", "word"), [(_flip_a_byte, "data.parquet"), (_delete, "data.parquet")])
def test_a_damaged_artifact_is_named_and_remade(toy: Toy, harm: Callable[[Path], None], word: str) -> None:
    toy.run("recipe=chain")
    before = {path.name for path in toy.artifacts}
    victim = next(p for p in toy.artifacts if (p / "data.parquet").exists())
    harm(victim / "data.parquet")
    planned = toy("plan", "recipe=chain")
    assert "is damaged" in planned.err
    assert word in planned.err
    answer = toy("run", "recipe=chain", "--json")
    assert answer.code == 0
    assert "run" in {step["action"] for step in answer.last["steps"]}
    assert {path.name for path in toy.artifacts} == before
    assert set(toy.actions("recipe=chain").values()) == {"reuse"}


def test_a_sweep_shares_what_is_equal(toy: Toy) -> None:
    answer = toy("run", "-m", "recipe=chain", "again.factor=1,2,3", "--json")
    assert answer.code == 0, answer.err
    jobs = answer.last["jobs"]
    counted = [[step["action"] for step in job["steps"]] for job in jobs]
    assert counted == [["run"] * 4, ["reuse", "reuse", "reuse", "run"], ["reuse", "reuse", "reuse", "run"]]


def test_a_sweep_that_was_cut_short_finishes_only_what_is_missing(toy: Toy) -> None:
    toy.run("recipe=chain", "again.factor=1")
    answer = toy("run", "-m", "recipe=chain", "again.factor=1,2", "--json")
    assert [job["steps"][-1]["action"] for job in answer.last["jobs"]] == ["reuse", "run"]


def test_selections_restrict_what_runs(toy: Toy) -> None:
    assert toy.actions("recipe=chain", "--to", "scale") == {"count": "run", "scale": "run"}
    refused = toy("run", "recipe=chain", "--from", "again")
    assert refused.code == 2
    assert "needs check, which cannot be reused" in refused.err
    toy.run("recipe=chain")
    assert toy.actions("recipe=chain", "again.factor=9", "--only", "again")["again"] == "run"
    assert toy.actions("recipe=chain", "--force", "scale")["scale"] == "run"
    unknown = toy("plan", "recipe=chain", "--to", "scael")
    assert unknown.code == 2
    assert "did you mean 'scale'?" in unknown.err
