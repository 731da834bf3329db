"""The pages of the reference: the recipe's own keys, one page a config group, and the artifact formats."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mlops import formats
from mlops.catalog import Catalog
from mlops.durable import write_atomic
from mlops.errors import ProjectError
from mlops.formats import Artifact
from mlops.plan.wiring import ports
from mlops.plugins import FIRST_PARTY, Plugins
from mlops.project import Project
from mlops.recipe.model import Head, Options
from mlops.reference.keys import key_table, table
from mlops.schema import Targets, opening
from mlops.stage import Part, Stage

__all__ = ["pages", "write_pages"]

_MARK = "<!-- Generated from the models: python -m mlops.reference docs/reference -->"

_ARTIFACTS = (
    "Each artifact is an immutable folder of plain files (Parquet, JSON, ONNX) with a manifest: size and digest of "
    "every file. A stage's input is the artifact of that name made by the nearest stage above it."
)


@dataclass(frozen=True)
class _Packaged:
    """What comes with this distribution, whatever project or plugin is around."""

    catalog: Catalog
    targets: Targets

    @classmethod
    def find(cls) -> _Packaged:
        root = Project.here().share
        catalog = Catalog(Project(root))
        found = Targets.of(catalog, Plugins(root / "plugins"))
        own = {
            target: part for target, part in found.classes.items() if target.split(".")[0] in (*FIRST_PARTY, "mlops")
        }
        return cls(catalog, Targets(own, found.choices))


def pages() -> dict[str, str]:
    """Make every page: file name → Markdown."""
    packaged = _Packaged.find()
    made = {"recipe.md": _recipe()}
    made |= {f"{_file(group)}.md": _group(packaged, group) for group in packaged.catalog.groups()}
    in_groups = {target for choices in packaged.targets.choices.values() for target in choices.values()}
    if others := [target for target in packaged.targets.classes if target not in in_groups]:
        made["others.md"] = _page("Stages and parts without a group", *_classes(packaged, others))
    made["formats.md"] = _formats(packaged)
    return {"README.md": _index(packaged, made), **made}


def write_pages(folder: Path) -> list[str]:
    """Write every page, and remove generated pages of what is gone.

    Raises:
        ProjectError: a page's name is taken by a file that was not generated.
    """
    made = pages()
    old = {path.name: path.read_text(encoding="utf-8").startswith(_MARK) for path in folder.glob("*.md")}
    foreign = [name for name in made if not old.get(name, True)]
    if foreign:
        raise ProjectError(f"{folder / foreign[0]} was not generated", fix="move it away, or name another folder")
    for name, generated in old.items():
        if generated and name not in made:
            (folder / name).unlink()
    for name, text in made.items():
        write_atomic(folder / name, text.encode())
    return list(made)


def _page(title: str, *blocks: str) -> str:
    return "\n\n".join([_MARK, f"# {title}", *(block for block in blocks if block)]) + "\n"


def _file(group: str) -> str:
    return group.replace("/", "-")


def _index(packaged: _Packaged, made: Iterable[str]) -> str:
    choices = {f"{_file(group)}.md": packaged.catalog.options(group) for group in packaged.catalog.groups()}
    words = {
        "recipe.md": "the keys at the top of a recipe, and those that any stage's section takes",
        "others.md": "stages and parts that no group chooses",
        "formats.md": "what passes between stages",
    }
    rows = [(f"[{name.removesuffix('.md')}]({name})", words.get(name) or _listed(choices[name])) for name in made]
    intro = (
        "Every key of a recipe, page by page. In a terminal: `mlops explain KEY recipe=NAME`; "
        "in an editor: hover over a key (`mlops schema` writes what the editor needs)."
    )
    return _page("Reference of all keys", intro, table(("Page", "What is there"), rows))


def _listed(choices: Iterable[str]) -> str:
    return "choices: " + ", ".join(f"`{choice}`" for choice in choices)


def _recipe() -> str:
    lists = (
        "`defaults` lists what a recipe is put together from, first to last: another recipe to extend (`- flights`), "
        "a choice for each group (`- model: linear`), another one than above (`- override model: lightgbm`), "
        "and `- _self_`, the place of the file's own keys."
    )
    references = (
        "Any value may be a reference: `${seed}` is the value of another key, `${oc.env:NAME}` that of an environment "
        "variable (upper-case names only; its value is never written anywhere), `${oc.env:NAME,5}` with a default. "
        "`???` must be given on the command line."
    )
    return _page(
        "The recipe's own keys",
        "## At the top",
        lists,
        key_table(Head),
        "## In any stage's section",
        "Beside the stage's own keys, and `_target_`, the class that does the work.",
        key_table(Options),
        "## References",
        references,
    )


def _group(packaged: _Packaged, group: str) -> str:
    choices = packaged.targets.choices[group]
    listed = "\n\n".join(_choice(packaged, group, choice) for choice in packaged.catalog.options(group))
    used = [target for target in dict.fromkeys(choices.values()) if target in packaged.targets.classes]
    return _page(f"`{group}`", "## Choices", listed, *_classes(packaged, used))


def _choice(packaged: _Packaged, group: str, choice: str) -> str:
    file = packaged.catalog.load(f"{group}/{choice}")
    text = file.text if file else ""
    first, *rest = opening(text) or [""]
    commands = [line for line in rest if "mlops " in line]
    body = "\n".join(line for line in text.splitlines() if not line.startswith("#")).strip()
    words = "\n".join([first, *(line for line in rest if line not in commands)])
    tried = "\n".join(["Try it:", *(f"`{line[line.index('mlops ') :]}`" for line in commands)]) if commands else ""
    blocks = [f"### `{group}: {choice}`", words, tried, f"```yaml\n{body}\n```"]
    return "\n\n".join(block for block in blocks if block)


def _classes(packaged: _Packaged, targets: Iterable[str]) -> list[str]:
    return [block for target in targets for block in _class(target, packaged.targets.classes[target])]


def _class(target: str, cls: type[Part]) -> list[str]:
    keys = key_table(cls) or "It has no keys of its own."
    needs = f"Needs `pip install 'mlops[{cls.extra}]'`." if cls.extra else ""
    return [f"## `{target}`", _doc(cls), _flow(cls) if issubclass(cls, Stage) else "", needs, keys]


def _doc(cls: type) -> str:
    """Give a class's own words, without the code that some docstrings end with."""
    text = inspect.cleandoc(cls.__dict__.get("__doc__") or "").replace("``", "`")
    return "\n\n".join(block for block in text.split("\n\n") if not block.startswith("    "))


def _flow(stage: type[Stage]) -> str:
    found = ports(stage)
    takes = ", ".join(_port(name, kind) for name, kind in found.inputs.items()) or "nothing"
    makes = ", ".join(_port(name, kind) for name, kind in found.outputs.items())
    return f"Takes {takes}. Makes {makes}."


def _port(name: str, kind: type[Artifact]) -> str:
    linked = f"[{kind.format}](formats.md#{kind.format})"
    return linked if name == kind.format else f"`{name}` ({linked})"


def _formats(packaged: _Packaged) -> str:
    stages = {target: cls for target, cls in packaged.targets.classes.items() if issubclass(cls, Stage)}
    blocks = [_ARTIFACTS]
    for name in formats.__all__:
        kind = getattr(formats, name)
        if isinstance(kind, type) and issubclass(kind, Artifact) and kind is not Artifact:
            blocks += [f"## {kind.format}", _doc(kind), _used(kind, stages)]
    return _page("Formats", *blocks)


def _used(kind: type[Artifact], stages: dict[str, type[Stage]]) -> str:
    makers = [f"`{target}`" for target, cls in stages.items() if kind in ports(cls).outputs.values()]
    takers = [f"`{target}`" for target, cls in stages.items() if kind in ports(cls).inputs.values()]
    lines = [f"Made by {', '.join(makers)}." if makers else "", f"Taken by {', '.join(takers)}." if takers else ""]
    return " ".join([*filter(None, lines), f"In Python: `mlops.formats.{kind.__name__}`."])
