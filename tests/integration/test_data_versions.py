from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from mlops.cli import main
from tests.toy_project import Answer, Toy

RECIPE = """# Orders. mlops run recipe=orders
defaults: [data: table, split: random]
stages: [data, split]
data:
  path: data/orders.csv
"""
LIGHT = ("polars", "numpy", "dvc", "fsspec")


class Shop(Toy):
    """A project whose data/orders.csv is tracked, as of v1 and v2; commands run in this very process, for speed."""

    def __call__(self, *words: str, **variables: str) -> Answer:
        del variables
        out, err = StringIO(), StringIO()
        with chdir(self.root), redirect_stdout(out), redirect_stderr(err):
            code = main(list(words))
        return Answer(code, out.getvalue(), err.getvalue())

    def git(self, *words: str) -> None:
        identity = ("-c", "user.name=x", "-c", "user.email=x@y")
        subprocess.run(["git", *identity, *words], cwd=self.root, capture_output=True, check=True)

    def keep(self, tag: str, rows: int) -> None:
        text = "order,price\n" + "".join(f"{order},{order * 7 % 50}\n" for order in range(rows))
        (self.root / "data" / "orders.csv").write_text(text)
        self.done("data", "track", "data/orders.csv")
        self.git("add", "-A")
        self.git("commit", "-qm", tag)
        self.git("tag", tag)

    def done(self, *words: str) -> Answer:
        answer = self(*words)
        assert answer.code == 0, answer.err
        return answer


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once, by the command line."""
    root = tmp_path_factory.mktemp("shop") / "project"
    for folder in ("data", "recipes"):
        (root / folder).mkdir(parents=True)
    (root / "recipes" / "orders.yaml").write_text(RECIPE)
    (root / ".gitignore").write_text(".mlops/\n")
    shop = Shop(root)
    shop.git("init", "-q", "-b", "main")
    shop.keep("v1", 200)
    shop.keep("v2", 300)
    with (root / ".dvc" / "config").open("a") as config:
        config.write("['remote \"store\"']\n    url = ../../store\n")
    return root


@pytest.fixture
def shop(template: Path, tmp_path: Path) -> Shop:
    """A copy to work with; its remote is the folder ``store`` beside it."""
    shutil.copytree(template, tmp_path / "project", symlinks=True)
    return Shop(tmp_path / "project")


@pytest.fixture
def rows(shop: Shop) -> Callable[..., int]:
    """Run the recipe; give the rows that it read."""

    def read(*words: str) -> int:
        shop.done("run", "recipe=orders", *words)
        return int(json.loads(shop.done("data", "log", "--json").out)[0]["rows"])

    return read


def test_a_revision_is_read_and_its_bytes_are_what_counts(shop: Shop, rows: Callable[..., int]) -> None:
    assert rows() == 300
    assert rows("data.rev=v1") == 200
    for rev in ("v2", "main", "HEAD"):
        plan = shop.plan("recipe=orders", f"data.rev={rev}")
        assert {step["action"] for step in plan.values()} == {"reuse"}


@pytest.mark.slow
def test_a_moved_branch_is_noticed_and_said(shop: Shop) -> None:
    shop.done("run", "recipe=orders", "data.rev=main")
    shop.keep("v3", 400)
    step = shop.plan("recipe=orders", "data.rev=main")["data"]
    assert (step["action"], step["reasons"]) == ("run", ["data/orders.csv changed"])


def test_another_revision_is_the_reason(shop: Shop) -> None:
    shop.done("run", "recipe=orders", "data.rev=v1")
    reasons = shop.plan("recipe=orders", "data.rev=v2")["data"]["reasons"]
    assert reasons == ["data.rev v1 → v2 (override 2 on the command line)", "data/orders.csv changed"]


def test_a_pointer_that_changes_is_noticed_while_its_file_is_away(shop: Shop, rows: Callable[..., int]) -> None:
    (shop.root / "data" / "orders.csv").unlink()
    assert rows() == 300
    assert rows() == 300
    shop.git("checkout", "-q", "v1", "--", "data/orders.csv.dvc")
    assert rows() == 200


def test_a_wrong_revision_is_a_mistake_of_the_recipe(shop: Shop) -> None:
    answer = shop("check", "recipe=orders", "data.rev=v11")
    assert answer.code == 2
    told = answer.out + answer.err
    assert "data.rev: git knows no revision 'v11'" in told
    assert "did you mean 'v1'?" in told


def test_what_is_in_no_cache_is_named_with_the_command_that_fetches_it(shop: Shop) -> None:
    shop.done("data", "push", "--rev", "v1", "--remote", "store")
    shutil.rmtree(shop.root / ".dvc" / "cache")
    answer = shop("plan", "recipe=orders", "data.rev=v1")
    assert answer.code == 2
    assert "mlops data pull data/orders.csv --rev v1" in answer.err
    assert shop.done("data", "pull", "data/orders.csv", "--rev", "v1", "--remote", "store").out == "1 fetched\n"
    assert shop.actions("recipe=orders", "data.rev=v1") == {"data": "run", "split": "run"}


@pytest.mark.slow
def test_a_run_pulls_what_it_knows_but_lacks(shop: Shop) -> None:
    shop.done("run", "recipe=orders", "data.rev=v1")
    own = "# Where versions are. mlops data log\n_target_: mlops_dvc.versions.Dvc\nremote: store\n"
    (shop.root / "conf" / "versions").mkdir(parents=True)
    (shop.root / "conf" / "versions" / "default.yaml").write_text(own)
    shop.done("data", "push", "--rev", "v1")
    shutil.rmtree(shop.root / ".dvc" / "cache")
    assert shop.plan("recipe=orders", "data.rev=v1")["data"]["action"] == "reuse"
    assert shop.actions("recipe=orders", "data.rev=v1", "--force", "data")["data"] == "run"


def test_a_damaged_cache_is_found_before_it_is_read(shop: Shop) -> None:
    version = json.loads(shop.done("data", "track", "data/orders.csv", "--json").out)[0]
    md5 = version["content"].removeprefix("md5:")
    path = shop.root / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    path.chmod(0o644)
    path.write_text("order,price\n1,1\n")
    answer = shop("run", "recipe=orders", "data.rev=v2")
    assert answer.code == 2
    assert "the content of 'data/orders.csv' is damaged" in answer.err


def test_what_runs_read_is_listed(shop: Shop, rows: Callable[..., int]) -> None:
    rows()
    rows("data.rev=v1")
    newest, oldest = json.loads(shop.done("data", "log", "data/orders.csv", "--json").out)
    assert newest["versions"]["data/orders.csv"]["rev"] == "v1"
    assert (newest["rows"], oldest["rows"], newest["columns"]) == (200, 300, 2)
    assert oldest["versions"]["data/orders.csv"]["content"].startswith("md5:")
    text = shop.done("data", "log").out
    assert "v1 (" in text
    assert shop.done("data", "log", "other.csv").out.startswith("no run has read data yet")


def test_a_lineage_names_the_version_of_its_data(shop: Shop, rows: Callable[..., int]) -> None:
    rows("data.rev=v1")
    (line,) = [line for line in shop.done("lineage").out.splitlines() if "data data/orders.csv" in line]
    assert "rev v1, commit " in line
    assert "content md5:" in line


def test_two_runs_differ_by_their_revision(shop: Shop) -> None:
    runs = [shop.run("recipe=orders", f"data.rev={rev}")["run"] for rev in ("v1", "v2")]
    found = json.loads(shop.done("runs", "diff", *runs, "--json").out)
    assert found["parameters"]["data.rev"] == {"old": "v1", "new": "v2"}


def test_a_tracked_file_that_was_changed_by_hand_is_shown_as_such(shop: Shop, rows: Callable[..., int]) -> None:
    with (shop.root / "data" / "orders.csv").open("a") as file:
        file.write("300,1\n")
    assert rows() == 301
    assert "changed since it was tracked" in shop.done("data", "log").out


def test_runs_files_and_revisions_are_compared(shop: Shop, rows: Callable[..., int]) -> None:
    rows("data.rev=v1")
    found: Any = json.loads(shop.done("data", "diff", "data/orders.csv@v1", "data/orders.csv", "--json").out)
    assert found["rows"] == [200, 300]
    assert [column["verdict"] for column in found["columns"]] == ["large", "same"]
    assert "the same rows in the same order" in shop.done("data", "diff", "last", "data/orders.csv@v1").out
    assert "the same rows in the same order" in shop.done("data", "diff", "last:data", "last").out


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("diff", "nope.csv", "last"), "'nope.csv' is no file and no run"),
        (("diff", "data/orders.csv@v9", "last"), "git knows no revision 'v9'"),
        (("diff", "last:nope", "last"), "has no section 'nope' that read data; fix"),
        (("track", "nope.csv"), "there is nothing to track at 'nope.csv'"),
        (("push",), "no remote specified"),
    ],
)
def test_a_command_that_cannot_be_says_why(shop: Shop, words: tuple[str, ...], what: str) -> None:
    shop.done("run", "recipe=orders")
    answer = shop("data", *words)
    assert answer.code == 2
    assert what.removesuffix("; fix") in answer.err
    assert "fix: " in answer.err


def test_a_plan_of_a_revision_loads_nothing_heavy(shop: Shop) -> None:
    code = (
        "import sys; from mlops.cli import main; main(['plan', 'recipe=orders', 'data.rev=v1']);"
        f"print([name for name in {LIGHT!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=shop.root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"
