"""Command-line overrides: Hydra's grammar → settings, or faults that say which override is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, QuotedString
from hydra.errors import HydraException

from mlops.catalog import Catalog, near
from mlops.errors import Fault
from mlops.yaml_file import Place

__all__ = ["Given", "parse_overrides", "plain"]


@dataclass(frozen=True)
class Given:
    """One override: its place in the command line, Hydra's reading of it, and whether it chooses a file."""

    place: Place
    override: Override
    is_choice: bool

    @property
    def key(self) -> str:
        """The key or group that it sets."""
        return str(self.override.key_or_group)


def parse_overrides(texts: Sequence[str], catalog: Catalog) -> tuple[list[Given], list[Fault]]:
    """Parse each override by itself, so that each mistake is reported."""
    parser = OverridesParser.create()
    found: list[Given] = []
    faults: list[Fault] = []
    groups = {*catalog.groups(), "recipe"}
    for number, text in enumerate(texts, start=1):
        place = Place(f"override {number} on the command line")
        try:
            override = parser.parse_override(text)
        except HydraException as exc:
            faults.append(Fault(text, str(place), _grammar(exc), "write key=value; quote what holds , = ( { or spaces"))
            continue
        given = Given(place, override, override.key_or_group in groups and not isinstance(override.value(), dict))
        fault = _sweep(given) or _choice(given, catalog)
        if fault:
            faults.append(fault)
        else:
            found.append(given)
    return found, faults


def _grammar(exc: Exception) -> str:
    first = str(exc).splitlines()[0]
    return f"is not an override: {first[:1].lower()}{first[1:]}"


def _sweep(given: Given) -> Fault | None:
    if not given.override.is_sweep_override():
        return None
    text = str(given.override.input_line).partition("=")[2]
    fix = f"to try each, add -m; for a list, write {given.key}=[{text}]"
    return Fault(given.key, str(given.place), f"{text!r} is a sweep over several values", fix)


def _choice(given: Given, catalog: Catalog) -> Fault | None:
    """A group's choice must exist."""
    value = given.override.value()
    if not given.is_choice or given.override.is_delete() or not isinstance(value, str):
        return None
    options = catalog.options(given.key)
    if value.removesuffix(".yaml") in options or value in ("null", "???") or catalog.locate(f"{given.key}/{value}"):
        return None
    what = "recipes are" if given.key == "recipe" else f"choices of {given.key} are"
    message = f"there is no {'recipe' if given.key == 'recipe' else given.key} {value!r}"
    return Fault(given.key, str(given.place), message, near(value, options, what=what))


def plain(value: Any) -> Any:
    """Give an override's value as plain data."""
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, dict):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value
