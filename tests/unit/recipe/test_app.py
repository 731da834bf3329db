from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops.errors import MlopsError, ProjectError, RecipeError
from mlops.recipe.app import SweepRefused, application, wants_hydra
from mlops.workspace import Workspace
from tests.conftest import Files

RECIPE = "stages: [make]\nmake: {_target_: toy.Make, rows: 5}\nnote: ${make.rows}\n"
SHIPPED = ["flights", "churn", "diamonds"]


@pytest.fixture
def files(project: Files) -> Files:
    project.write({"recipes/x.yaml": RECIPE, "recipes/y.yaml": "defaults: [x]\nseed: 3\n"})
    return project


def jobs(*arguments: str) -> list[Any]:
    """Run the application with a task that gives back its overrides."""
    return application(Workspace.here().catalog, arguments, list)


def printed(*arguments: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert application(Workspace.here().catalog, arguments, list) == []
    return out.getvalue()


def values(*overrides: str) -> dict[str, Any]:
    return dict(Workspace.here().recipe(overrides).values)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["recipe=x", "make.rows=3"], False),
        (["recipe=x", "-m"], True),
        (["recipe=x", "--cfg", "job"], True),
        (["--cfg=job", "recipe=x"], True),
        (["recipe=x", "hydra.job.name=a"], True),
        (["recipe=x", "+hydra.job.name=a"], True),
        (["recipe=x", "hydra/launcher=basic"], True),
        (["recipe=hydra"], False),
    ],
)
def test_full_application_is_used_where_it_is_needed(arguments: Sequence[str], wanted: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert wants_hydra(arguments) is wanted


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_recipe_is_composed_as_hydra_composes_it(project: Files, name: str) -> None:
    assert yaml.safe_load(printed(f"recipe={name}", "--cfg", "job", "--resolve")) == values(f"recipe={name}")


@pytest.mark.parametrize(
    "override",
    ["split.test=0.3", "++data.limit=10", "~split", "seed=2", "data.columns=[a,b]", "model=linear", "executor.cpus=1"],
)
def test_overrides_act_as_in_hydra(project: Files, override: str) -> None:
    from mlops.recipe.composition import compose

    ours = compose(Workspace.here().catalog, ["recipe=diamonds", override])
    theirs = yaml.safe_load(printed("recipe=diamonds", override, "--cfg", "job"))
    assert ours.raw == theirs or ours.faults


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["a", "b c", "1", "", "é"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["p", "q", "r"]), inner, max_size=3),
    max_leaves=6,
)
bodies = st.dictionaries(
    st.sampled_from(["m", "n", "o"]), st.dictionaries(st.sampled_from(["p", "q"]), plain), max_size=3
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(base=bodies, group=st.dictionaries(st.sampled_from(["p", "q"]), plain), recipe=bodies)
def test_files_merge_as_in_hydra(
    files: Files, base: dict[str, Any], group: dict[str, Any], recipe: dict[str, Any]
) -> None:
    from mlops.recipe.composition import compose

    head = {"defaults": ["base"], "ref": "${seed}"}
    files.write(
        {
            "conf/m/one.yaml": yaml.safe_dump(group),
            "recipes/base.yaml": yaml.safe_dump({"defaults": [{"m": "one"}], **base}),
            "recipes/x.yaml": yaml.safe_dump({**head, **recipe}),
        }
    )
    ours = compose(Workspace.here().catalog, ["recipe=x"])
    assert ours.faults == []
    try:
        theirs = yaml.safe_load(printed("recipe=x", "--cfg", "job"))
    except ProjectError as exc:
        assert "Cannot merge" in exc.what  # noqa: PT017 - a list over a mapping, which we replace and Hydra refuses
        return
    assert theirs == ours.raw


def test_sweep_gives_each_job_its_overrides(files: Files) -> None:
    assert jobs("-m", "recipe=x,y", "make.rows=1,2", "seed=4") == [
        ["recipe=x", "make.rows=1", "seed=4"],
        ["recipe=x", "make.rows=2", "seed=4"],
        ["recipe=y", "make.rows=1", "seed=4"],
        ["recipe=y", "make.rows=2", "seed=4"],
    ]


def test_flags_may_stand_anywhere(files: Files) -> None:
    assert jobs("recipe=x", "-m", "make.rows=range(1,3)") == [
        ["recipe=x", "make.rows=1"],
        ["recipe=x", "make.rows=2"],
    ]


def test_sweep_over_default_keys_and_choices(files: Files) -> None:
    assert len(jobs("-m", "recipe=x", "make.kind=choice(plain,fancy)", "make.share=0.1,0.2")) == 4


def test_hydra_keys_are_heeded(files: Files) -> None:
    assert jobs("recipe=x", "hydra.job.name=other") == [["recipe=x"]]
    assert "name: other" in printed("recipe=x", "hydra.job.name=other", "--cfg", "hydra", "--package", "hydra.job")


def test_package_and_resolve_show_a_part(files: Files) -> None:
    shown = printed("recipe=x", "make.rows=7", "--cfg", "job", "--resolve", "--package", "make")
    assert yaml.safe_load(shown) == {"_target_": "toy.Make", "rows": 7}


def test_info_lists_where_files_come_from(files: Files) -> None:
    assert "mlops://" in printed("recipe=x", "--info", "searchpath")
    assert "recipe/x" in printed("recipe=x", "--info", "defaults")


def test_help_of_hydra_needs_no_recipe(files: Files) -> None:
    assert "--multirun" in printed("--hydra-help")


def test_secrets_are_shown_as_references(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "hunter'22 é")
    files.write({"recipes/x.yaml": RECIPE + "key: 'a ${oc.env:KEY} b'\nother: ${key}\n"})
    for arguments in (["--cfg", "job", "--resolve"], ["--cfg", "all", "--resolve"], ["--info", "config"]):
        assert "hunter" not in printed("recipe=x", *arguments)
    assert "a ${oc.env:KEY} b" in printed("recipe=x", "--cfg", "job", "--resolve")


def test_nothing_is_written_outside_the_state_folder(files: Files) -> None:
    def listed() -> set[Path]:
        return {
            path for path in files.root.rglob("*") if ".mlops" not in path.parts and "__pycache__" not in path.parts
        }

    before = listed()
    jobs("-m", "recipe=x", "seed=1,2")
    jobs("recipe=x", "hydra.job.name=a")
    printed("recipe=x", "--cfg", "job")
    assert listed() == before


def test_mistake_in_a_file_stops_the_sweep_before_any_job(files: Files) -> None:
    files.write({"recipes/x.yaml": "defaults: [bass]\n"})
    with pytest.raises(RecipeError, match="there is no recipe 'bass'"):
        jobs("-m", "recipe=x", "seed=1,2")


def test_job_that_cannot_begin_does_not_keep_the_others(files: Files) -> None:
    begun: list[str] = []

    def task(overrides: Sequence[str]) -> str:
        if "seed=2" in overrides:
            raise ProjectError("no such thing", fix="make one")
        begun.append(overrides[-1])
        return overrides[-1]

    with pytest.raises(SweepRefused, match=r"1 of 3 jobs could not begin:\nrecipe=x seed=2\nno such thing") as caught:
        application(Workspace.here().catalog, ["-m", "recipe=x", "seed=1,2,3"], task)
    assert begun == ["seed=1", "seed=3"]
    assert caught.value.exit_code == 2


def test_only_job_that_cannot_begin_says_so_itself(files: Files) -> None:
    def task(overrides: Sequence[str]) -> None:
        raise ProjectError("no such thing")

    with pytest.raises(ProjectError, match="no such thing"):
        application(Workspace.here().catalog, ["recipe=x", "hydra.job.name=a"], task)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["recipe=x", "--config-dir", "other"], "--config-dir is not available"),
        (["recipe=x", "--config-name", "other"], "--config-name is not available"),
        (["recipe=x", "--experimental-rerun", "a.pickle"], "--experimental-rerun is not available"),
        (["recipe=x", "hydra/launcher=nope", "-m"], "Could not find 'hydra/launcher/nope'"),
        (["recipe=x", "hydra.nope=3"], "Could not override 'hydra.nope'"),
        (["recipe=x", "hydra.searchpath=[file://other]", "--cfg", "job"], "hydra.searchpath"),
        (["-m", "seed=1,2"], "no recipe was named"),
        (["-m", "recipe=x,z", "seed=1,2"], "there is no recipe 'z'"),
    ],
)  # fmt: skip
def test_what_hydra_or_we_refuse_is_an_error_in_words(files: Files, arguments: Sequence[str], message: str) -> None:
    with pytest.raises(MlopsError) as caught:
        jobs(*arguments)
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def test_jobs_results_may_be_anything(files: Files) -> None:
    found = application(Workspace.here().catalog, ["-m", "recipe=x", "seed=1,2"], lambda given: json.dumps(list(given)))
    assert found == ['["recipe=x", "seed=1"]', '["recipe=x", "seed=2"]']
