"""Every config file of a project by name: recipes, groups and their choices, and their defaults lists.

The project's own ``conf/`` and ``recipes/`` come before the packaged ones; a file found first hides
a later one of the same name. Recipes are the group ``recipe``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from mlops.errors import Fault
from mlops.project import Project
from mlops.yaml_file import YamlFile, read
from mlops.yaml_node import Node, Place

__all__ = ["RECIPE", "ROOT", "Catalog", "Default", "near", "target_of"]

ROOT = "mlops"
"""The primary config: conf/mlops.yaml."""

RECIPE = "recipe"
"""The group of the recipes."""

_NAME = re.compile(r"(?!\.)[\w.\-+ ]+(/(?!\.)[\w.\-+ ]+)*")
"""A config path; no part of it opens with a dot."""


def near(name: str, choices: list[str] | tuple[str, ...], *, what: str = "there are") -> str:
    """Suggest the nearest name, or list what there is."""
    matches = get_close_matches(name, choices, n=1, cutoff=0.55)
    if matches:
        return f"did you mean {matches[0]!r}?"
    return f"{what} {', '.join(choices)}" if choices else ""


@dataclass(frozen=True)
class Default:
    """One entry of a defaults list: another file to compose, and where the entry is written."""

    place: Place
    text: str
    """The entry as Hydra reads it: 'flights', '_self_' or 'override /model@package'."""

    choice: str | None = None
    """What a group entry chooses; None for an entry that names a file."""

    group: str = ""
    """Absolute group of a group entry."""

    override: bool = False
    optional: bool = False
    missing: bool = False
    """The choice is left to the command line (``???``)."""

    @property
    def path(self) -> str | None:
        """Config path that a group entry asks for, when it is known without composing."""
        if self.choice is None or self.missing or "${" in self.choice or "${" in self.group:
            return None
        return f"{self.group}/{self.choice}"


@dataclass
class Catalog:
    """The config files of one project, read once."""

    project: Project
    files: dict[str, YamlFile] = field(default_factory=dict)

    def locate(self, config_path: str) -> Path | None:
        """Find the file of a config path such as ``model/lightgbm`` or ``recipe/flights``."""
        name = config_path.removesuffix(".yaml")
        if not _NAME.fullmatch(name):
            return None
        for base in self._bases(name):
            path = base / f"{_inner(name)}.yaml"
            if _exists(path) and path.resolve().is_relative_to(base.resolve()):
                return path
        return None

    def absence(self, group: str, choice: str) -> tuple[str, str]:
        """Say why a group has no such choice: message and fix; the group is known to exist."""
        what = "recipe" if group == RECIPE else group
        name = choice.removesuffix(".yaml").removesuffix(".yml")
        options = self.options(group)
        fix = near(
            name.rpartition("/")[2], options, what="recipes are" if group == RECIPE else f"choices of {what} are"
        )
        if not _NAME.fullmatch(choice):
            return f"{choice!r} is not a name; a {what} goes by its name, not by a path", fix
        for folder in self._folders(group):
            if (folder / f"{name}.yaml").is_symlink():
                return (
                    f"the {what} {name!r} is a link that leads out of {folder.name}/, or nowhere",
                    "copy the file there",
                )
            if (folder / f"{name}.yml").exists():
                return f"there is no {what} {name!r}", f"rename {name}.yml to {name}.yaml"
        return f"there is no {what} {choice!r}", fix

    def _folders(self, group: str) -> list[Path]:
        """List the folders that hold a group's choices."""
        return [p for base in self._bases(f"{group}/x") if (p := (base / _inner(f"{group}/x")).parent).is_dir()]

    def _bases(self, name: str) -> list[Path]:
        kind = "recipes" if name.split("/", 1)[0] == RECIPE and "/" in name else "conf"
        return [base / kind for base in self.project.bases]

    def load(self, config_path: str) -> YamlFile | None:
        """Read a config file, once."""
        name = config_path.removesuffix(".yaml")
        if name not in self.files:
            path = self.locate(name)
            if path is None:
                return None
            self.files[name] = read(path, self.project.show(path))
        return self.files[name]

    def options(self, group: str) -> list[str]:
        """List a group's choices."""
        found: set[str] = set()
        for folder in self._folders(group):
            paths = folder.rglob("*.yaml") if group == RECIPE else folder.glob("*.yaml")
            found |= {path.relative_to(folder).with_suffix("").as_posix() for path in paths}
        return sorted(found)

    def groups(self) -> list[str]:
        """List the config groups, nested ones as 'a/b'; recipes are not among them."""
        found: set[str] = set()
        for base in self.project.bases:
            for path in (base / "conf").rglob("*.yaml"):
                group = path.parent.relative_to(base / "conf").as_posix()
                if group != ".":
                    found.add(group)
        return sorted(found)

    def recipes(self) -> list[str]:
        """List the recipes."""
        return self.options(RECIPE)

    def defaults(self, config_path: str) -> tuple[list[Default], list[Fault]]:
        """Read a file's defaults list; malformed entries come back as faults."""
        file = self.load(config_path)
        entry = file.root.get("defaults") if file else None
        if entry is None:
            return [], []
        place, node = entry
        if node.elements is None:
            return [], [Fault("defaults", str(place), "must be a list", "write '- group: choice' items below it")]
        found: list[Default] = []
        faults: list[Fault] = []
        open_groups = self._left_empty() if config_path.startswith(f"{RECIPE}/") else frozenset()
        for item in node.elements:
            result = _entry(item, config_path)
            if isinstance(result, Default) and result.group in open_groups and not result.override:
                result = replace(result, override=True, text=f"override {result.text}")
            (faults if isinstance(result, Fault) else found).append(result)  # type: ignore[arg-type] # sorted by type
        return found, faults

    def _left_empty(self) -> frozenset[str]:
        """Name the groups of which every recipe starts with none, so that a recipe simply chooses one."""
        return frozenset(entry.group for entry in self.defaults(ROOT)[0] if entry.choice == "null")


def _exists(path: Path) -> bool:
    """Tell whether something is there, readable or not."""
    try:
        return path.exists()
    except OSError:
        return False


def _inner(name: str) -> str:
    """Path below conf/ or recipes/."""
    first, _, rest = name.partition("/")
    return rest if first == RECIPE and rest else name


def _entry(item: Node, config_path: str) -> Default | Fault:
    if item.items is None and item.elements is None and isinstance(item.value, str):
        return Default(item.place, item.value)
    if item.items is None or len(item.items) != 1:
        return Fault(
            "defaults", str(item.place), "each item names one file or one 'group: choice'", "begin each with '- '"
        )
    (key, (place, value)) = next(iter(item.items.items()))
    if value.items is not None or value.elements is not None:
        return Fault(
            f"defaults.{key}", str(value.place), "a group takes the name of one choice", f"write '- {key}: NAME'"
        )
    *words, group = key.split() or [""]
    if not group.strip("/"):
        return Fault("defaults", str(place), "an entry names a group", "write '- group: choice'")
    if unknown := [word for word in words if word not in ("override", "optional")]:
        fix = near(unknown[0], ("override", "optional"), what="allowed are")
        return Fault(f"defaults.{group}", str(place), f"unknown word {unknown[0]!r}", fix)
    absolute = _absolute(group, config_path)
    written = str(value.value)
    choice = "null" if value.value is None else written.lower() if isinstance(value.value, bool) else written
    return Default(
        place,
        " ".join([*words, "/" + absolute]),
        choice=choice,
        group=absolute.split("@")[0],
        override="override" in words,
        optional="optional" in words or choice == "null",
        missing=choice == "???",
    )


def _absolute(group: str, config_path: str) -> str:
    """Recipes name groups from the top, with or without '/'; files of conf/ as Hydra does, from their own folder."""
    if group.startswith("/"):
        return group[1:]
    parent = config_path.rpartition("/")[0]
    return group if config_path == ROOT or parent.split("/")[0] in ("", RECIPE) else f"{parent}/{group}"


def target_of(config_path: str, entry: Default, chosen: dict[str, str]) -> str | None:
    """Say which file an entry leads to, or None when it leads to none that is known here."""
    if entry.choice is None:
        if entry.text == "_self_" or "${" in entry.text:
            return None
        name = entry.text.split("@")[0]
        parent = config_path.rpartition("/")[0]
        return name[1:] if name.startswith("/") else f"{parent}/{name}".lstrip("/")
    if entry.group in chosen:
        return f"{entry.group}/{chosen[entry.group]}"
    return entry.path if entry.choice != "null" else None
