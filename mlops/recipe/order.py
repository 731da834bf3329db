"""Let Hydra order the files of a recipe; what it refuses becomes a fault of one entry or override."""

from __future__ import annotations

import re
import warnings
from difflib import get_close_matches

from hydra import version
from hydra._internal.config_repository import CachingConfigRepository
from hydra._internal.defaults_list import DefaultsList, create_defaults_list
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from mlops.catalog import ROOT, Catalog, Default
from mlops.errors import Fault
from mlops.recipe.overrides import Given
from mlops.recipe.source import CatalogRepository, CatalogSource
from mlops.recipe.survey import Survey, package_of
from mlops.yaml_node import Place

__all__ = ["order"]


def order(catalog: Catalog, given: list[Given], survey: Survey) -> DefaultsList | None:
    """Order the files; on a refusal, blame one entry or override, leave it out, and try again."""
    version.setbase("1.3")
    for _ in range(1 + len(given) + len(survey.entries)):
        source = CatalogSource(catalog, skip=frozenset(survey.skip), bodies=False)
        try:
            return _defaults_list(source, given)
        except (HydraException, OmegaConfBaseException, ValueError, AssertionError) as exc:
            fault, culprit = _blame(exc, given, survey)
        if fault not in survey.faults:
            survey.faults.append(fault)
        if isinstance(culprit, Given):
            given.remove(culprit)
            survey.lose(tuple(culprit.key.split("/")))
        elif culprit is not None:
            survey.skip.add(culprit)
            survey.lose(package_of(culprit))
        else:
            survey.incomplete = True
            return None
    return None


def _defaults_list(source: CatalogSource, given: list[Given]) -> DefaultsList:
    repo = CachingConfigRepository(CatalogRepository(source))
    overrides = [item.override for item in given]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return create_defaults_list(repo, ROOT, overrides, prepend_hydra=False, skip_missing=False)


def _blame(exc: Exception, given: list[Given], survey: Survey) -> tuple[Fault, Given | Default | None]:
    """Turn a refusal into a fault, and say which entry or override to leave out."""
    text = str(exc)
    message = text.splitlines()[0] if text else type(exc).__name__
    dynamic = next((e for _, e in survey.entries if "${" in f"{e.choice} {e.text}" and e not in survey.skip), None)
    if dynamic is not None and "interpolation" in message:
        what = f"{dynamic.choice or dynamic.text} cannot be resolved in a defaults list"
        return Fault(f"defaults.{dynamic.group}", str(dynamic.place), what, "write the choice itself"), dynamic
    early = re.search(r"Override '(.+?) : (.+?)' is defined before '(.+?)'", message)
    if early:
        return _too_early(early[1], early[3], survey)
    named = re.search(r"'([\w/@.]+)'\.? ?(?:No match|$|\n)|values for ([\w/@.]+)\.|^([\w/@.]+) appears", message)
    key = next((group for group in (named.groups() if named else ()) if group), "")
    for item in given:
        if item.is_choice and item.override.get_key_element().lstrip("+~") == key:
            return _not_chosen(item, key, survey), item
    choices = [e for _, e in survey.entries if e.choice is not None and e.group == key.split("@")[0]]
    last = next((entry for entry in reversed(choices) if entry not in survey.skip), None)
    if last is None:
        place = survey.entries[-1][1].place if survey.entries else Place("defaults")
        return Fault("defaults", str(place), message, "see Hydra's documentation of defaults lists"), None
    others = tuple(dict.fromkeys(str(entry.place) for entry in choices if entry != last))
    return Fault(f"defaults.{key}", str(last.place), *_entry_words(last, message), others), last


def _too_early(group: str, definition: str, survey: Survey) -> tuple[Fault, Default | None]:
    name = group.strip("/")
    entry = next(e for _, e in reversed(survey.entries) if e.override and e.group == name)
    message = f"'override {name}: {entry.choice}' stands before '{definition.strip('/')}'"
    return Fault(f"defaults.{name}", str(entry.place), message, "move it to the end of defaults"), entry


def _not_chosen(given: Given, key: str, survey: Survey) -> Fault:
    chosen = sorted({e.group for _, e in survey.entries if e.group and not e.group.startswith("hydra/")})
    match = get_close_matches(key, chosen, n=1, cutoff=0.55)
    if given.override.is_delete():
        fix = f"did you mean {match[0]!r}?" if match else f"it chooses {', '.join(chosen)}"
        return Fault(key, str(given.place), f"the recipe does not choose a {key!r}, so it cannot be removed", fix)
    fix = f"did you mean {match[0]!r}? " if match else ""
    message = f"the recipe does not choose a {key!r}, so it cannot be changed"
    return Fault(key, str(given.place), message, f"{fix}to add it, write +{given.override.input_line}")


def _entry_words(entry: Default, message: str) -> tuple[str, str]:
    """Say what is wrong with an entry that Hydra refuses, and how to mend it."""
    if "Multiple values" in message or "appears more than once" in message:
        return f"{entry.group} is chosen twice", f"write 'override {entry.group}: {entry.choice}', or keep one of them"
    if "No match" in message:
        what = f"{entry.group} is overridden, but nothing above has chosen it"
        return what, f"write '{entry.group}: {entry.choice}' without override"
    return message, "see Hydra's documentation of defaults lists"
