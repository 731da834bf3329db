"""Command-line overrides: Hydra's grammar → settings, or faults that say which override is wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, QuotedString
from hydra.errors import HydraException, OverrideParseException

from mlops.catalog import RECIPE, Catalog
from mlops.errors import Fault
from mlops.origin import KeyPath, key_path
from mlops.yaml_node import Place

__all__ = ["Given", "Parsed", "parse_overrides", "plain"]


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

    @property
    def choice(self) -> str:
        """The file that it chooses from a group."""
        return written(self.override.value()).removesuffix(".yaml")


@dataclass
class Parsed:
    """All overrides of a command line."""

    given: list[Given] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    unknown: set[KeyPath] = field(default_factory=set)
    """What the faulty ones would have set."""


def parse_overrides(texts: Sequence[str], catalog: Catalog) -> Parsed:
    """Parse each override by itself, so that each mistake is reported."""
    parser = OverridesParser.create()
    groups = {*catalog.groups(), RECIPE}
    parsed = Parsed()
    for number, text in enumerate(texts, start=1):
        place = Place(f"override {number} on the command line")
        try:
            override = parser.parse_override(text)
            if not key_path(str(override.key_or_group)):
                raise OverrideParseException(text, "it names no key")
        except HydraException as exc:
            parsed.faults.append(_ungrammatical(text, place, exc))
            parsed.unknown.add(key_path(parsed.faults[-1].key))
            continue
        given = Given(place, override, override.key_or_group in groups and not isinstance(override.value(), dict))
        fault = _sweep(given) or _choice(given, catalog) or _again(given, parsed.given)
        if fault:
            parsed.faults.append(fault)
            parsed.unknown.add(tuple(part for name in given.key.split("/") for part in key_path(name)))
        else:
            parsed.given.append(given)
    return parsed


def _ungrammatical(text: str, place: Place, exc: Exception) -> Fault:
    key, equals, value = text.partition("=")
    name = key.lstrip("+~") if re.fullmatch(r"[+~]*[\w./@\[\]-]+", key) else text
    if not equals and not key.startswith("~"):
        return Fault(name, str(place), f"{text!r} is not an override: it has no '='", "write key=value")
    if not equals:
        return Fault(name, str(place), f"{text!r} is not an override", "write ~key to remove a key")
    fix = f"quote the value: '{key}=\"{value}\"'" if value and key else "write key=value"
    return Fault(name, str(place), _grammar(exc), fix)


def _again(given: Given, before: list[Given]) -> Fault | None:
    """A group is chosen once; of two values of one key the last one counts, as Hydra has it."""
    first = next((item for item in before if given.is_choice and item.is_choice and item.key == given.key), None)
    if first is None or given.override.package != first.override.package:
        return None
    message = f"{given.key} is chosen twice"
    return Fault(given.key, str(given.place), message, "keep one of them", (str(first.place),))


def _grammar(exc: Exception) -> str:
    first = str(exc).splitlines()[0]
    return f"is not an override: {first[:1].lower()}{first[1:]}"


def _sweep(given: Given) -> Fault | None:
    if not given.override.is_sweep_override():
        return None
    text = str(given.override.input_line).partition("=")[2]
    fix = "to try each, add -m" if given.is_choice else f"to try each, add -m; for a list, write {given.key}=[{text}]"
    return Fault(given.key, str(given.place), f"{text!r} is a sweep over several values", fix)


def _choice(given: Given, catalog: Catalog) -> Fault | None:
    """A group's choice must exist."""
    value = given.override.value()
    if not given.is_choice or given.override.is_delete():
        return None
    if isinstance(value, list):
        return Fault(given.key, str(given.place), "a group takes the name of one choice", f"write {given.key}=NAME")
    if value is None and given.key != RECIPE:
        return Fault(
            given.key, str(given.place), "a group takes the name of one choice", f"to leave it out, write ~{given.key}"
        )
    name = written(value)
    if catalog.locate(f"{given.key}/{name}"):
        return None
    message, fix = catalog.absence(given.key, name)
    return Fault(given.key, str(given.place), message, fix)


def written(value: Any) -> str:
    """Write a scalar as YAML has it."""
    value = plain(value)
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def plain(value: Any) -> Any:
    """Give an override's value as plain data."""
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, dict):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value
