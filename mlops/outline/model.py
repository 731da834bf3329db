"""What an outline holds, and its JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops.fingerprint import Ingredients

__all__ = ["Outline", "StageOutline"]


@dataclass(frozen=True)
class StageOutline:
    """One stage of an outline."""

    name: str
    ingredients: Ingredients
    """Without its inputs."""

    inputs: Mapping[str, str]
    """Input → 'stage.output'."""

    outputs: Mapping[str, str]
    """Output → format."""

    effect: bool = False
    """Whether it has an effect outside its outputs (it overrides `Stage.stands`)."""

    volatile: str = ""
    """Why what it reads outside cannot be fingerprinted; empty when it can."""

    @property
    def makers(self) -> tuple[str, ...]:
        """The stages whose outputs it takes."""
        return tuple(dict.fromkeys(source.partition(".")[0] for source in self.inputs.values()))

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON values."""
        plain = {**vars(self), "inputs": dict(self.inputs), "outputs": dict(self.outputs)}
        return {**plain, "ingredients": self.ingredients.to_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> StageOutline:
        """Read what `to_json` gave."""
        return cls(**{**value, "ingredients": Ingredients.from_json(value["ingredients"])})


@dataclass(frozen=True)
class Outline:
    """A recipe in one state of the project; nothing in it tells a secret."""

    recipe: str
    values: Mapping[str, Any]
    """The composed recipe, secrets as references."""

    places: Mapping[str, str] = field(default_factory=dict)
    """Dotted key → where it was set."""

    stages: tuple[StageOutline, ...] = ()
    missing: tuple[str, ...] = ()
    """What is wrong with outside data that could not be looked at."""

    def stage(self, name: str) -> StageOutline | None:
        """Give a stage by its name."""
        return next((stage for stage in self.stages if stage.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON values."""
        return {
            "recipe": self.recipe,
            "values": dict(self.values),
            "places": dict(self.places),
            "stages": [stage.to_json() for stage in self.stages],
            "missing": list(self.missing),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Outline:
        """Read what `to_json` gave."""
        stages = tuple(StageOutline.from_json(stage) for stage in value["stages"])
        return cls(value["recipe"], value["values"], value["places"], stages, tuple(value["missing"]))
