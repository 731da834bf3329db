"""Only trusted classes may be named as a target; everything else is refused before it can do anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops.plugins import Plugins, TargetRefused
from mlops.stage import Part, Stage

CANARY = "from pathlib import Path\nPath({path!r}).touch()\n"

TOY = """
from __future__ import annotations
import os
import subprocess
from os import system as Helper
from typing import Any
from mlops.formats import Table
from mlops.stage import Context, Part, Stage
Run = subprocess.Popen
evaluate = eval
class Make(Stage):
    options: dict[str, Any] = {}
    items: tuple[Part, ...] = ()
    def run(self, *, context: Context) -> Table: ...
"""

REFUSED = [
    "os.system",
    "posix.system",
    "logging.os.system",
    "builtins.eval",
    "__builtins__.eval",
    "subprocess.Popen",
    "importlib.import_module",
    "this.s",
    "pickle.loads",
    "hydra.utils.instantiate",
    "pydantic.BaseModel",
    "mlops.cli.main",
    "mlops.stage.Stage",
    "mlops.plugins.importlib.import_module",
    "mlops.executors.child.subprocess.Popen",
    "mlops.executors.child.run_in_child",
    "mlops.executors.nothing.Here",
    "mlops_polars.os.system",
    "mlops_polars.data.Annotated",
    "mlops_polars.data.Stage",
    "mlops_polars.reading.pl.read_csv",
    "toy.os.system",
    "toy.subprocess.Popen",
    "toy.Helper",
    "toy.Run",
    "toy.evaluate",
    "toy.Stage",
    "toy.Make.run",
    "toy.Make.__init_subclass__",
    "toy.__builtins__.eval",
    "toy.__dict__",
    "conf.evil.Make",
    "recipes.evil.Make",
    "tests.evil.Make",
    "evil.Make",
    "plugins.toy.Make",
    "..toy.Make",
    ".toy.Make",
    "toy..Make",
    "toy.Make ",
    "toy.Make()",
    "toy/Make",
    "../recipes/evil.Make",
    "/etc/passwd.x",
    "file:recipes/evil.py",
    "toy",
    "",
    "tоy.Make",  # a Cyrillic letter
    "ｏｓ.system",  # full-width letters, which Python reads as os
    "os\u200b.system",
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with a plugin, and files outside plugins/ that tell when they are imported."""
    files = {"plugins/toy.py": TOY}
    for folder in ("conf", "recipes", "tests", "."):
        files[f"{folder}/evil.py"] = CANARY.format(path=str(tmp_path / "canary"))
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def check(project: Path, recipe: Mapping[str, Any] | str, *overrides: str, **environment: str) -> dict[str, Any]:
    """Check a recipe in a fresh process; give the report and the modules that were imported."""
    text = recipe if isinstance(recipe, str) else yaml.safe_dump(dict(recipe), sort_keys=False)
    (project / "recipes" / "x.yaml").write_text(text)
    code = (
        "import sys, json, io, contextlib\n"
        "from mlops.cli import main\n"
        "out = io.StringIO()\n"
        "with contextlib.redirect_stdout(out): main(['check', '--json', *sys.argv[1:]])\n"
        "print(json.dumps({**json.loads(out.getvalue()), 'modules': sorted(sys.modules)}))"
    )
    named = () if any(text.startswith("recipe=") for text in overrides) else ("recipe=x",)
    command = [sys.executable, "-c", code, *named, *overrides]
    environment = {**os.environ, **environment}
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def stage(**section: Any) -> dict[str, Any]:
    return {"stages": ["make"], "make": section}


@pytest.mark.parametrize("target", REFUSED)
def test_target_is_refused(project: Path, target: str) -> None:
    with pytest.raises(TargetRefused):
        Plugins(project / "plugins").resolve(target, Part)
    assert not {"this", "evil", "recipes.evil", "conf.evil", "tests.evil"} & set(sys.modules)
    assert not (project / "canary").exists()


@pytest.mark.parametrize("target", [None, 3, True, ["os.system"], {"a": "os.system"}, b"os.system"])
def test_target_that_is_no_text_is_refused(project: Path, target: object) -> None:
    with pytest.raises(TargetRefused, match="not a dotted name"):
        Plugins(project / "plugins").resolve(target, Part)


def test_recipe_with_every_bad_target_imports_none_of_them(project: Path) -> None:
    recipe = {"stages": [f"s{i}" for i in range(len(REFUSED))]}
    report = check(project, {**recipe, **{f"s{i}": {"_target_": target} for i, target in enumerate(REFUSED)}})
    assert [error["key"] for error in report["errors"]] == [f"s{i}._target_" for i in range(len(REFUSED))]
    assert not {"this", "evil", "recipes.evil", "conf.evil", "tests.evil"} & set(report["modules"])
    assert not (project / "canary").exists()


@pytest.mark.parametrize(
    ("recipe", "overrides", "environment", "key"),
    [
        (stage(_target_="toy.Make"), ["make._target_=evil.Make"], {}, "make._target_"),
        ({**stage(_target_="${name}"), "name": "evil.Make"}, [], {}, "make._target_"),
        (stage(_target_="${oc.env:TARGET}"), [], {"TARGET": "evil.Make"}, "make._target_"),
        (stage(_target_="${oc.env:TARGET,evil.Make}"), [], {}, "make._target_"),
        (stage(_target_="toy.Make", items=[{"_target_": "evil.Make"}]), [], {}, "make.items.0._target_"),
        (stage(_target_="toy.Make", options={"a": [{"_target_": "evil.Make"}]}), [], {}, "make.options.a.0._target_"),
        ({**stage(_target_="toy.Make"), "executor": {"_target_": "evil.Make"}}, [], {}, "executor._target_"),
        ({**stage(_target_="toy.Make", items=["${part}"]), "part": {"_target_": "evil.Make"}}, [], {}, "part._target_"),
        (stage(_target_="toy.Make"), ["+model={_target_: evil.Make}"], {}, "model._target_"),
    ],
)
def test_bad_target_is_refused_wherever_it_comes_from(
    project: Path, recipe: dict[str, Any], overrides: list[str], environment: dict[str, str], key: str
) -> None:
    report = check(project, recipe, *overrides, **environment)
    assert [error["key"] for error in report["errors"]] == [key]
    assert "evil" not in report["modules"]
    assert not (project / "canary").exists()


@pytest.mark.parametrize("key", ["_args_", "_partial_", "_recursive_", "_convert_"])
def test_keys_of_instantiate_are_refused(project: Path, key: str) -> None:
    report = check(project, stage(_target_="toy.Make", **{key: ["touch canary"]}))
    assert [(error["key"], error["message"][:16]) for error in report["errors"]] == [
        (f"make.{key}", "is not available")
    ]
    assert not (project / "canary").exists()


def test_class_from_an_untrusted_package_is_refused_though_a_plugin_shows_it(project: Path) -> None:
    (project / "outside.py").write_text("from mlops.stage import Stage\nclass Evil(Stage): ...\n")
    (project / "plugins" / "inside.py").write_text("from outside import Evil\n")
    with pytest.raises(TargetRefused, match=r"inside.Evil is an alias of outside.Evil, which is not trusted"):
        Plugins(project / "plugins").resolve("inside.Evil", Stage)


@pytest.mark.parametrize("name", ["json", "random", "numpy", "yaml", "hydra", "mlops", "onnx", "pytest"])
def test_plugin_with_the_name_of_another_module_is_refused(project: Path, name: str) -> None:
    (project / "plugins" / f"{name}.py").write_text(CANARY.format(path=str(project / "canary")))
    with pytest.raises(TargetRefused, match=r"not trusted|has the name of another module"):
        Plugins(project / "plugins").resolve(f"{name}.Make", Part)
    assert not (project / "canary").exists()


def test_plugin_beside_the_one_that_is_named_hides_no_library(project: Path) -> None:
    (project / "plugins" / "colorsys.py").write_text(CANARY.format(path=str(project / "canary")))
    report = check(project, stage(_target_="toy.Make"))
    assert report["ok"]
    Plugins(project / "plugins").resolve("toy.Make", Stage)
    import colorsys  # from the standard library, though plugins/ is searched now

    assert "plugins" not in str(colorsys.__file__)
    assert not (project / "canary").exists()


def test_first_party_name_in_the_project_is_not_trusted(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "mlops_evaluate").mkdir()
    (project / "mlops_evaluate" / "__init__.py").write_text(CANARY.format(path=str(project / "canary")))
    for name in [name for name in sys.modules if name.startswith("mlops_evaluate")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(TargetRefused, match=r"hides the installed mlops_evaluate|there is no module"):
        Plugins(project / "plugins").resolve("mlops_evaluate.Make", Part)
    assert not (project / "canary").exists()


def test_plugin_that_is_a_link_out_of_plugins_is_refused(project: Path) -> None:
    (project / "plugins" / "linked.py").symlink_to(project / "evil.py")
    with pytest.raises(TargetRefused, match="leads out of plugins"):
        Plugins(project / "plugins").resolve("linked.Make", Part)
    assert not (project / "canary").exists()


@pytest.mark.parametrize("body", ["raise SystemExit(3)", "1/0", "raise BaseExceptionGroup('x', [OSError()])", "x ="])
def test_plugin_whose_import_fails_is_a_fault_with_its_place(project: Path, body: str) -> None:
    (project / "plugins" / "bad.py").write_text(f"a = 1\n{body}\n")
    (error,) = check(project, "stages: [make]\nmake:\n  _target_: bad.Make\n")["errors"]
    assert (error["key"], error["where"]) == ("make._target_", "recipes/x.yaml:3:3")
    assert "importing bad failed (plugins/bad.py:2)" in error["message"]


def test_engine_and_plugins_have_the_classes_that_are_allowed(project: Path) -> None:
    plugins = Plugins(project / "plugins")
    assert plugins.resolve("toy.Make", Stage).__name__ == "Make"
    assert plugins.resolve("mlops_polars.data.Data", Stage).__name__ == "Data"
    assert plugins.resolve("mlops.executors.local.Local", Part).__name__ == "Local"


@pytest.mark.parametrize("verb", [["plan"], ["run"], ["run", "-m"], ["explain", "make"]])
def test_no_verb_touches_a_bad_target(project: Path, verb: list[str]) -> None:
    (project / "recipes" / "x.yaml").write_text("stages: [make]\nmake: {_target_: evil.Make}\n")
    command = [sys.executable, "-m", "mlops", *verb, "recipe=x"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (1, 2)
    assert "the package 'evil' is not trusted" in done.stdout + done.stderr
    assert not (project / "canary").exists()


@pytest.mark.parametrize("name", ["../../x", "../x", "/etc/passwd", "./x", "x/../x", "..", "~root/x", "link"])
def test_recipe_outside_recipes_is_refused(project: Path, name: str) -> None:
    (project / "recipes" / "link.yaml").symlink_to("/etc/hostname")
    (project / "x.yaml").write_text("stages: [make]\nmake: {_target_: toy.Make}\n")
    report = check(project, "stages: [make]\nmake: {_target_: toy.Make}\n", f"recipe='{name}'")
    assert [error["key"] for error in report["errors"]] == ["recipe"]
