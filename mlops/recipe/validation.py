"""Composed values → a frozen recipe, or every mistake in them at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from mlops.catalog import Catalog
from mlops.errors import Fault
from mlops.masking import Mask
from mlops.origin import Origins, in_order
from mlops.plugins import Plugins
from mlops.recipe.composition import Composition
from mlops.recipe.interpolation import resolve
from mlops.recipe.judge import Judge
from mlops.recipe.model import Head, Recipe, Section, Sketch, Verdict, masked
from mlops.recipe.sections import judge_executor, judge_others, judge_section, stage_names
from mlops.recipe.top_level import judge_head, judge_missing, judge_targets, judge_top_level
from mlops.stage import Part
from mlops.yaml_node import Place

__all__ = ["judge_recipe", "validate"]


def validate(
    composition: Composition, catalog: Catalog, plugins: Plugins, *, overrides: Sequence[str]
) -> tuple[Recipe | None, list[Fault]]:
    """Validate a composed recipe.

    Returns:
        The recipe (None when there is any fault) and every fault in order.
    """
    verdict = judge_recipe(composition, catalog, plugins, overrides=overrides)
    return verdict.recipe, list(verdict.faults)


def judge_recipe(composition: Composition, catalog: Catalog, plugins: Plugins, *, overrides: Sequence[str]) -> Verdict:
    """Validate a composed recipe as far as it can be read."""
    if not composition.raw:
        return Verdict(None, tuple(in_order(composition.faults)), name=composition.recipe)
    origins = Origins(composition.settings, composition.raw, home=Place(composition.recipe_file, 1, 1))
    unknown = composition.unknown | ({()} if composition.incomplete else set())
    resolution = resolve(composition.raw, origins, unknown=unknown)
    judge = Judge(catalog=catalog, plugins=plugins, origins=origins, composition=composition, resolution=resolution)
    head, sections, sketches, executor, services = _judged(judge)
    recipe = Recipe(
        name=composition.recipe,
        head=head or Head.model_construct(stages=tuple(section.name for section in sections)),
        sections=tuple(section for section in sections if section.options.enabled),
        executor=cast("Part", executor),
        values=resolution.values,
        overrides=tuple(overrides),
        origins=origins,
        secrets=resolution.secrets,
        sketches=tuple(sketches),
        services=services,
    )
    faults = masked([*composition.faults, *resolution.faults, *judge.faults], Mask(resolution.secrets))
    secrets = tuple(resolution.secrets.items())
    if faults:
        partial = None if composition.incomplete else recipe
        return Verdict(None, tuple(faults), partial, composition.recipe, secrets)
    return Verdict(recipe, (), None, composition.recipe, secrets)


def _judged(judge: Judge) -> tuple[Head | None, list[Section], list[Sketch], Any, dict[str, Part]]:
    """Judge every part of a recipe, one after another."""
    judge_missing(judge)
    judge_targets(judge)
    head = judge_head(judge)
    names = stage_names(judge)
    judge_top_level(judge)
    sections: list[Section] = []
    sketches: list[Sketch] = []
    for name in names:
        found = judge_section(judge, name)
        if isinstance(found, Section):
            sections.append(found)
        else:
            sketches.append(found)
    services = judge_others(judge, names)
    return head, sections, sketches, judge_executor(judge), services
