"""What the project's recipes themselves name: sections outside the groups, and values that references read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mlops.catalog import RECIPE, Catalog
from mlops.recipe.model import Head
from mlops.schema.targets import Targets, recipe_names
from mlops.yaml_file import YamlFile

__all__ = ["Survey", "survey"]

_REFERRED = re.compile(r"(?<!\\)\$\{([A-Za-z_]\w*)[\w.\[\]]*\}")


@dataclass
class Survey:
    """Names that one recipe may use because this or another recipe gives them a meaning."""

    sections: dict[str, list[str]] = field(default_factory=dict)
    """Section → the targets it is given, in the recipes of the project."""

    stages: list[str] = field(default_factory=list)
    """Names that recipes list as stages."""

    values: list[str] = field(default_factory=list)
    """Keys at the top of a recipe that references read."""


def survey(catalog: Catalog, targets: Targets) -> Survey:
    """Read every recipe of the project and the packaged ones."""
    found = Survey()
    groups = set(catalog.groups())
    for name in recipe_names(catalog):
        path = f"{RECIPE}/{name}"
        file = catalog.load(path)
        if file is None:
            continue
        _own_sections(file, groups, targets, found=found)
        listed = file.root.get("stages")
        found.stages += [str(item.value) for item in (listed[1].elements or ()) if item.value] if listed else []
        for entry in catalog.defaults(path)[0]:
            _, _, package = entry.text.partition("@")
            if package and "." not in package and entry.group in targets.choices:
                target = targets.choices[entry.group].get(entry.choice or "")
                found.sections.setdefault(package, []).extend([target] if target else [])
        referred = dict.fromkeys(_REFERRED.findall(file.text))
        found.values += [key for key in referred if key not in (*found.values, *groups, *Head.model_fields)]
    return found


def _own_sections(file: YamlFile, groups: set[str], targets: Targets, *, found: Survey) -> None:
    for key, (_, node) in (file.root.items or {}).items():
        entry = node.get("_target_")
        if key not in groups and entry and entry[1].value in targets.classes:
            listed = found.sections.setdefault(key, [])
            if entry[1].value not in listed:
                listed.append(str(entry[1].value))
