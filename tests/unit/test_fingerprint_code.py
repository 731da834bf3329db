from __future__ import annotations

import ast
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from mlops.errors import ProjectError
from mlops.fingerprint.code import _SECTION, CodeDigests
from mlops.fingerprint.files import FileDigests
from mlops.fingerprint.imports import Imports, imports_of


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    return tmp_path / "plugins"


def write(plugins: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = plugins / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))


def digests_of(plugins: Path, module: str) -> dict[str, str]:
    return CodeDigests((plugins,), FileDigests(plugins.parent / "hints.json")).files_of(module)


def files_of(plugins: Path, module: str) -> list[str]:
    return [name.removeprefix("plugins/") for name in digests_of(plugins, module)]


def test_a_lone_module_counts_alone(plugins: Path) -> None:
    write(plugins, {"clean.py": "import json", "other.py": ""})
    assert list(digests_of(plugins, "clean")) == ["plugins/clean.py"]


def test_imports_are_followed_transitively_and_no_further(plugins: Path) -> None:
    write(
        plugins,
        {
            "acme/__init__.py": "",
            "acme/stage.py": "import acme.near",
            "acme/near.py": "from acme import far",
            "acme/far.py": "import numpy",
            "acme/unused.py": "",
        },
    )
    assert files_of(plugins, "acme.stage") == ["acme/__init__.py", "acme/far.py", "acme/near.py", "acme/stage.py"]


@pytest.mark.parametrize(
    "line",
    [
        "import acme.near",
        "import acme.near as n",
        "from acme import near",
        "from acme import near as n",
        "from acme.near import work",
        "from acme.near import *",
        "from . import near",
        "from .near import work",
        "from .near import (\n    work as w,\n)",
        "def run():\n    from acme.near import work",
        "class A:\n    def run(self):\n        if True:\n            import acme.near",
        "try:\n    import acme.near\nexcept ImportError:\n    pass",
        "import importlib\nimportlib.import_module('acme.near')",
        "from importlib import import_module\nimport_module('acme.near')",
        "from importlib import import_module\nimport_module('.near', __package__)",
        "__import__('acme.near')",
        "import os, acme.near",
        "import acme.near.work",
        "import acme.near.missing.more",
    ],
)
def test_every_way_to_import_is_seen(plugins: Path, line: str) -> None:
    write(plugins, {"acme/__init__.py": "", "acme/stage.py": line, "acme/near.py": "", "acme/unused.py": ""})
    assert files_of(plugins, "acme.stage") == ["acme/__init__.py", "acme/near.py", "acme/stage.py"]


@pytest.mark.parametrize(
    "line",
    [
        "import_module(name)",
        "importlib.import_module(f'acme.{name}')",
        "__import__(name)",
        "load = importlib.import_module",
        "from importlib import import_module as load",
        "import_module('.near', package)",
        "import_module('.near', package='acme')",
        "pkgutil.iter_modules(path)",
        "runpy.run_module('x')",
    ],
)
def test_an_import_that_cannot_be_read_counts_the_whole_package(plugins: Path, line: str) -> None:
    write(
        plugins,
        {
            "acme/__init__.py": "",
            "acme/stage.py": line,
            "acme/unused.py": "import other",
            "acme/deep/__init__.py": "",
            "acme/deep/er.py": "",
            "other.py": "",
        },
    )
    assert files_of(plugins, "acme.stage") == [
        "acme/__init__.py",
        "acme/deep/__init__.py",
        "acme/deep/er.py",
        "acme/stage.py",
        "acme/unused.py",
        "other.py",
    ]


def test_relative_imports_count_from_the_file_s_own_package(plugins: Path) -> None:
    write(
        plugins,
        {
            "acme/__init__.py": "",
            "acme/top.py": "",
            "acme/deep/__init__.py": "from .. import top",
            "acme/deep/stage.py": "from ..deep import top",
        },
    )
    assert files_of(plugins, "acme.deep.stage") == [
        "acme/__init__.py",
        "acme/deep/__init__.py",
        "acme/deep/stage.py",
        "acme/top.py",
    ]


def test_a_relative_import_beyond_the_top_is_left_alone(plugins: Path) -> None:
    write(plugins, {"acme/__init__.py": "", "acme/stage.py": "from ... import other", "other.py": ""})
    assert files_of(plugins, "acme.stage") == ["acme/__init__.py", "acme/stage.py"]


def test_a_parent_counts_by_its_text_without_its_imports(plugins: Path) -> None:
    write(
        plugins,
        {"acme/__init__.py": "from acme.other import thing", "acme/stage.py": "import acme.near", "acme/near.py": "",
         "acme/other.py": ""},
    )  # fmt: skip
    assert files_of(plugins, "acme.stage") == ["acme/__init__.py", "acme/near.py", "acme/stage.py"]


@pytest.mark.parametrize("line", ["import acme", "from acme import VERSION", "from acme import *"])
def test_a_package_that_is_used_itself_is_followed(plugins: Path, line: str) -> None:
    write(plugins, {"acme/__init__.py": "from acme.other import thing\nVERSION = 1 + 1", "acme/other.py": ""})
    write(plugins, {"stage.py": line})
    assert files_of(plugins, "stage") == ["acme/__init__.py", "acme/other.py", "stage.py"]


def test_a_name_from_a_facade_leads_to_its_maker_only(plugins: Path) -> None:
    write(
        plugins,
        {
            "acme/__init__.py": '"""Names."""\nfrom acme.a import A\nfrom .b import Bee as B\n__all__ = ["A", "B"]',
            "acme/a.py": "",
            "acme/b.py": "",
            "stage.py": "from acme import B",
        },
    )
    assert files_of(plugins, "stage") == ["acme/__init__.py", "acme/b.py", "stage.py"]


FACADE = {"acme/__init__.py": "from acme.a import A\nfrom acme.b import B", "acme/a.py": "", "acme/b.py": ""}


def test_attributes_of_an_imported_facade_lead_to_their_makers_only(plugins: Path) -> None:
    write(plugins, {f"house/{name}": text.replace("acme", "house.acme") for name, text in FACADE.items()})
    write(plugins, {"stage.py": "from house import acme as a\ndef run(x: a.B) -> a.B: ..."})
    assert files_of(plugins, "stage") == ["house/acme/__init__.py", "house/acme/b.py", "stage.py"]


@pytest.mark.parametrize(
    "line", ["getattr(acme, name)", "x: 'acme.A'", "", "f = acme", "acme.b", "acme.unknown", "print(acme.B, acme)"]
)
def test_a_facade_used_in_any_other_way_is_followed_everywhere(plugins: Path, line: str) -> None:
    write(plugins, {f"house/{name}": text.replace("acme", "house.acme") for name, text in FACADE.items()})
    write(plugins, {"stage.py": f"from house import acme\n{line}"})
    expected = {"house/acme/b.py"} if line == "acme.b" else {"house/acme/a.py", "house/acme/b.py"}
    assert expected <= set(files_of(plugins, "stage"))


def test_a_facade_that_also_works_is_followed_everywhere(plugins: Path) -> None:
    write(
        plugins,
        {
            "acme/__init__.py": "from acme.a import A\nfrom acme.b import B\nA.register(B)",
            "acme/a.py": "",
            "acme/b.py": "",
            "stage.py": "from acme import B",
        },
    )
    assert files_of(plugins, "stage") == ["acme/__init__.py", "acme/a.py", "acme/b.py", "stage.py"]


def test_a_name_that_is_both_submodule_and_import_counts_both(plugins: Path) -> None:
    write(
        plugins,
        {"acme/__init__.py": "from acme.other import encode", "acme/encode.py": "", "acme/other.py": "",
         "stage.py": "from acme import encode"},
    )  # fmt: skip
    assert files_of(plugins, "stage") == ["acme/__init__.py", "acme/encode.py", "acme/other.py", "stage.py"]


def test_imports_for_type_checking_only_do_not_count(plugins: Path) -> None:
    write(
        plugins,
        {
            "stage.py": """
                from typing import TYPE_CHECKING
                if TYPE_CHECKING:
                    import typed
                else:
                    import real
            """,
            "typed.py": "",
            "real.py": "",
        },
    )
    assert files_of(plugins, "stage") == ["real.py", "stage.py"]


def test_other_packages_of_the_project_are_followed(plugins: Path) -> None:
    write(plugins, {"acme/__init__.py": "", "acme/stage.py": "from tools import clean", "tools/clean.py": ""})
    assert files_of(plugins, "acme.stage") == ["acme/__init__.py", "acme/stage.py", "tools/clean.py"]


def test_a_package_without_init_is_followed(plugins: Path) -> None:
    write(plugins, {"acme/deep/stage.py": "from acme.deep import near", "acme/deep/near.py": ""})
    assert files_of(plugins, "acme.deep.stage") == ["acme/deep/near.py", "acme/deep/stage.py"]


def test_imports_in_a_circle_end(plugins: Path) -> None:
    write(plugins, {"a.py": "import b", "b.py": "import a"})
    assert files_of(plugins, "a") == files_of(plugins, "b") == ["a.py", "b.py"]


@pytest.mark.parametrize("text", ["def (:", "x = '\0'", "(" * 500, "\udcff"])
def test_a_file_that_does_not_parse_counts_by_its_bytes(plugins: Path, text: str) -> None:
    plugins.mkdir()
    (plugins / "broken.py").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert files_of(plugins, "broken") == ["broken.py"]


def test_data_files_of_a_visited_package_count(plugins: Path) -> None:
    write(
        plugins,
        {
            "acme/__init__.py": "",
            "acme/stage.py": "",
            "acme/query.sql": "select 1",
            "acme/templates/deep/page.html": "",
            "acme/.hidden": "",
            "acme/backup.sql~": "",
            "acme/__pycache__/stage.cpython-311.pyc": "",
            "acme/unused/__init__.py": "",
            "acme/unused/other.sql": "",
            "elsewhere/more.sql": "",
        },
    )
    assert files_of(plugins, "acme.stage") == [
        "acme/__init__.py",
        "acme/query.sql",
        "acme/stage.py",
        "acme/templates/deep/page.html",
    ]


def test_data_files_beside_a_lone_module_count(plugins: Path) -> None:
    write(plugins, {"stage.py": "", "query.sql": "", "acme/__init__.py": "", "acme/own.sql": ""})
    assert files_of(plugins, "stage") == ["query.sql", "stage.py"]


def test_an_edited_helper_changes_its_digest_only(plugins: Path) -> None:
    write(plugins, {"stage.py": "import near, far", "near.py": "x = 1", "far.py": ""})
    before = digests_of(plugins, "stage")
    write(plugins, {"near.py": "x = 2"})
    after = digests_of(plugins, "stage")
    assert [name for name in before if before[name] != after[name]] == ["plugins/near.py"]


def test_an_import_added_to_a_helper_is_followed_from_then_on(plugins: Path) -> None:
    write(plugins, {"stage.py": "import near", "near.py": "", "far.py": ""})
    digests = FileDigests(plugins.parent / "hints.json")
    CodeDigests((plugins,), digests).files_of("stage")
    digests.save()
    write(plugins, {"near.py": "import far"})
    assert files_of(plugins, "stage") == ["far.py", "near.py", "stage.py"]


def test_nothing_is_imported(plugins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(plugins)
    write(plugins, {"never_imported/__init__.py": "", "never_imported/stage.py": "raise SystemExit"})
    digests_of(plugins, "never_imported.stage")
    assert not [name for name in sys.modules if name.startswith("never_imported")]


def test_an_unchanged_file_is_not_parsed_again(plugins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(plugins, {"stage.py": "import near", "near.py": ""})
    digests = FileDigests(plugins.parent / "hints.json")
    CodeDigests((plugins,), digests).files_of("stage")
    digests.save()
    monkeypatch.delattr(ast, "parse")
    assert files_of(plugins, "stage") == ["near.py", "stage.py"]


def test_an_alien_hint_is_read_anew(plugins: Path) -> None:
    write(plugins, {"stage.py": "import near", "near.py": ""})
    digests = FileDigests(plugins.parent / "hints.json")
    code = CodeDigests((plugins,), digests)
    digests.hints.put(_SECTION, digests.digest(plugins / "stage.py"), ["alien"])
    assert list(code.files_of("stage")) == ["plugins/near.py", "plugins/stage.py"]


def test_an_unknown_module_is_an_error_that_names_the_places(plugins: Path) -> None:
    with pytest.raises(ProjectError, match=r"no module 'gone.stage'[^$]*plugins, the installed packages"):
        digests_of(plugins, "gone.stage")


def test_installed_code_is_shown_from_its_package(plugins: Path) -> None:
    found = digests_of(plugins, "mlops.formats.table")
    assert {"mlops/formats/__init__.py", "mlops/formats/table.py", "mlops/formats/artifact.py"} <= set(found)


def test_the_engine_counts_only_by_its_vocabulary(plugins: Path) -> None:
    write(plugins, {"stage.py": "from mlops.stage import Stage\nfrom mlops.formats import Table"})
    assert list(digests_of(plugins, "stage")) == [
        "mlops/formats/__init__.py",
        "mlops/formats/artifact.py",
        "mlops/formats/clocks.py",
        "mlops/formats/expectation.py",
        "mlops/formats/history.py",
        "mlops/formats/rows.py",
        "mlops/formats/table.py",
        "plugins/stage.py",
    ]


def test_the_vocabulary_may_be_named_as_a_module_of_the_engine(plugins: Path) -> None:
    write(plugins, {"stage.py": "from mlops import formats, errors"})
    found = digests_of(plugins, "stage")
    assert "mlops/formats/table.py" in found
    assert "mlops/errors.py" not in found


def test_an_installed_module_stays_in_its_own_package(
    plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        tmp_path / "site",
        {"vendor/__init__.py": "", "vendor/stage.py": "import lone, vendor.near", "vendor/near.py": ""},
    )
    write(tmp_path / "site", {"lone.py": "", "note.txt": ""})
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert list(digests_of(plugins, "vendor.stage")) == ["vendor/__init__.py", "vendor/near.py", "vendor/stage.py"]


def test_a_project_s_module_comes_before_an_installed_one(
    plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "site", {"clean.py": ""})
    write(plugins, {"clean.py": ""})
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert list(digests_of(plugins, "clean")) == ["plugins/clean.py"]


def test_the_same_project_elsewhere_gives_the_same_digests(tmp_path: Path) -> None:
    for place in ("here", "there"):
        write(tmp_path / place / "plugins", {"stage.py": "import near", "near.py": "", "query.sql": "select 1"})
    assert digests_of(tmp_path / "here" / "plugins", "stage") == digests_of(tmp_path / "there" / "plugins", "stage")


def test_imports_survive_the_trip_through_json() -> None:
    found = imports_of(b"import a.b\nfrom .c import d as e\nimport_module(x)")
    assert Imports.from_json(found.as_json()) == found
