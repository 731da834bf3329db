"""A recipe that is known to be right: frozen sections with their stages, and what to show of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from mlops.errors import Fault
from mlops.masking import Mask
from mlops.origin import Origins, in_order
from mlops.services.searcher import Searcher
from mlops.services.space import Parameter
from mlops.stage import Part, Resources, Stage

__all__ = ["RESERVED", "Head", "Options", "Recipe", "Search", "Section", "Sketch", "Verdict", "masked"]

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _duration(value: Any) -> Any:
    """Read '90s', '10m', '2h' or '1d' as seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd])", value) if isinstance(value, str) else None
    return float(found[1]) * _UNITS[found[2]] if found else value


class Head(BaseModel):
    """The keys at the top of a recipe that are not sections."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str = ""
    """What the recipe makes, in a sentence."""

    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of every random choice; it counts in every stage's key."""

    stages: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of the sections that are stages, in reading order."""


class Options(BaseModel):
    """Keys that any stage's section may hold beside the stage's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: dict[str, str] = {}
    """Which stage makes an input, where the nearest one above is not meant: input: stage, or stage.output."""

    resources: Resources = Resources()
    """What the stage may use of the machine."""

    executor: str | None = None
    """Where this stage runs, when not where the recipe runs; a choice of the group executor."""

    retries: Annotated[int, Field(ge=0, le=100)] = 0
    """How often to try again when the stage fails."""

    timeout: Annotated[Annotated[float, Field(gt=0)] | None, BeforeValidator(_duration)] = None
    """Longest the stage may take: seconds, or text such as 90s, 10m, 2h. It is ended when it takes longer."""

    enabled: bool = True
    """Whether the stage takes part at all."""


RESERVED = tuple(Options.model_fields)


@dataclass(frozen=True)
class Section:
    """One stage of a recipe."""

    name: str
    target: str
    stage: Stage
    """Ready to run: references to the environment are replaced by their values."""

    parameters: Mapping[str, Any]
    """As the recipe says, references between keys resolved, secrets still references."""

    options: Options
    parts: tuple[type[Part], ...] = ()
    """Classes of the parts inside, whose code and libraries count."""


@dataclass(frozen=True)
class Sketch:
    """A stage whose section has mistakes: what can still be said of it."""

    name: str
    stage: type[Stage] | None
    """Its class, when the target could be found."""

    options: Options | None


@dataclass(frozen=True)
class Recipe:
    """A validated recipe."""

    name: str
    head: Head
    sections: tuple[Section, ...]
    """The enabled stages in reading order."""

    executor: Part
    values: Mapping[str, Any]
    """The whole composed recipe, references between keys resolved, secrets still references."""

    overrides: tuple[str, ...]
    origins: Origins
    secrets: Mapping[str, str]
    """Environment variables the recipe refers to, with their values; never to be written anywhere."""

    sketches: tuple[Sketch, ...] = ()
    """Stages with mistakes; empty in every recipe that may be run."""

    services: Mapping[str, Part] = field(default_factory=dict)
    """Sections that are no stages, by name."""

    search: Search | None = None
    """What is to be searched; ranges are filled with a value that stands for each until then."""

    found: Mapping[str, Any] = field(default_factory=dict)
    """What a search found: dotted key → value."""

    pages: Mapping[str, str] = field(default_factory=dict)
    """Name → HTML that tells how the recipe came about, for the page of its runs."""

    trials: tuple[Mapping[str, Any], ...] = ()
    """Trials of the search that found what it holds, the best first."""

    @property
    def document(self) -> str:
        """The whole recipe as YAML, as it is kept with a run."""
        import yaml

        dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        return str(yaml.dump(dict(self.values), Dumper=dumper, sort_keys=False, allow_unicode=True))


@dataclass(frozen=True)
class Search:
    """A search that a recipe asks for."""

    searcher: Searcher
    space: tuple[Parameter, ...]
    variants: tuple[Recipe, ...]
    """The recipe at the ends of its ranges and with each of its choices: where these differ, the search has a say."""


@dataclass(frozen=True)
class Verdict:
    """What validation found."""

    recipe: Recipe | None
    """The recipe, when it has no mistakes."""

    faults: tuple[Fault, ...] = ()
    partial: Recipe | None = None
    """What is right of a recipe with mistakes, to be looked at for further ones; never to be run."""

    name: str = ""
    """The recipe's name, as far as it is known."""

    secrets: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def masked(self, faults: Sequence[Fault]) -> list[Fault]:
        """Put faults in order, the values of environment variables as references."""
        return masked(faults, Mask(dict(self.secrets)))


def masked(faults: Sequence[Fault], mask: Mask) -> list[Fault]:
    """Put faults in order, secrets masked."""
    return in_order(
        replace(
            fault,
            key=mask(fault.key),
            message=mask(fault.message),
            fix=mask(fault.fix),
            also=tuple(place for place in fault.also if place != fault.where),
        )
        for fault in faults
    )
