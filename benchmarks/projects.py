"""Small projects to measure on: toy stages for us, `cp` for DVC, each in a temporary folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import command, program

__all__ = ["FLIGHTS", "chain", "dvc_environment", "dvc_project", "fan", "temporary", "toy_project"]

_ROOT = Path(__file__).resolve().parent.parent
FLIGHTS = _ROOT / "recipes" / "data" / "flights.parquet"

_COUNT = "_target_: toy.counting.Count\n  rows: 5"
_READER = '''"""A stage that reads a few numbers from a file that it depends on as a whole."""

from __future__ import annotations

from mlops.formats import Roles, Table
from mlops.stage import Context, Stage


class Sample(Stage):
    """Read the first rows of a Parquet file."""

    path: str
    """The file."""

    def sources(self) -> tuple[str, ...]:
        return (self.path,)

    def run(self, *, context: Context) -> Table:
        import polars as pl

        (found,) = context.find(self.path)
        frame = pl.read_parquet(found, n_rows=1000).select(x=pl.col("distance"))
        return Table.create(context.output("table"), frame, roles=Roles())
'''


@contextmanager
def temporary() -> Iterator[Path]:
    """Make a folder that is gone afterwards."""
    with TemporaryDirectory(prefix="mlops-benchmark-", ignore_cleanup_errors=True) as name:
        yield Path(name).resolve()


def toy_project(folder: Path, recipes: Mapping[str, str]) -> Path:
    """Make a project with the toy stages of the tests and these recipes."""
    toys = _ROOT / "tests" / "toy" / "plugins"
    shutil.copytree(toys, folder / "plugins", ignore=shutil.ignore_patterns("__pycache__"))
    package = folder / "plugins" / "sampling"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "reading.py").write_text(_READER, encoding="utf-8")
    (folder / "recipes").mkdir()
    for name, text in recipes.items():
        (folder / "recipes" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def chain(stages: int, *, source: str = "") -> str:
    """Write a recipe in which each stage takes the table of the one before; the first may read a file."""
    first = f"_target_: sampling.reading.Sample\n  path: {source}" if source else _COUNT
    return _recipe(stages, first, lambda index: f"_target_: toy.numbers.Scale\n  factor: {1 + index / 1000}")


def fan(stages: int) -> str:
    """Write a recipe in which every stage takes the table of the first."""
    choice = f"inputs: {{table: {_name(0)}}}"
    return _recipe(
        stages, _COUNT, lambda index: f"_target_: toy.numbers.Scale\n  factor: {1 + index / 1000}\n  {choice}"
    )


def _recipe(stages: int, first: str, later: Callable[[int], str]) -> str:
    names = [_name(index) for index in range(stages)]
    bodies = [first, *(later(index) for index in range(1, stages))]
    sections = "".join(f"\n{name}:\n  {body}\n" for name, body in zip(names, bodies, strict=True))
    return f"stages: [{', '.join(names)}]\n{sections}"


def _name(index: int) -> str:
    return f"s{index:03d}"


def dvc_environment(home: Path) -> dict[str, str]:
    """Keep DVC's own files in a temporary home, and its network calls off."""
    folders = {"DVC_GLOBAL_CONFIG_DIR": "global", "DVC_SYSTEM_CONFIG_DIR": "system", "DVC_SITE_CACHE_DIR": "site"}
    return {"HOME": str(home), "DVC_NO_ANALYTICS": "1", **{key: str(home / name) for key, name in folders.items()}}


def dvc_project(folder: Path, stages: int, *, env: Mapping[str, str]) -> Path:
    """Make a DVC pipeline of stages that copy a file; the first depends on the flights."""
    folder.mkdir()
    shutil.copy(FLIGHTS, folder / "flights.parquet")
    dvc = program("dvc")
    command([dvc, "init", "--no-scm", "--quiet"], folder=folder, env=env)
    for option in ("core.analytics", "core.check_update"):
        command([dvc, "config", option, "false"], folder=folder, env=env)
    parts = [_copying(index) for index in range(stages)]
    (folder / "dvc.yaml").write_text("stages:\n" + "".join(parts), encoding="utf-8")
    return folder


def _copying(index: int) -> str:
    made, name = f"s{index:03d}.txt", f"s{index:03d}"
    taken = f"s{index - 1:03d}.txt" if index else "flights.parquet"
    work = f"cp {taken} {made}" if index else f"head -c 1000 {taken} > {made}"
    return f"  {name}:\n    cmd: {work}\n    deps: [{taken}]\n    outs: [{made}]\n"
