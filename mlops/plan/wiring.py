"""Which stage makes what another one takes: names and formats, read from the annotations of ``run``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, get_type_hints

from mlops.catalog import near
from mlops.errors import Fault
from mlops.formats.artifact import Artifact
from mlops.origin import dotted
from mlops.recipe.model import Recipe, Section, Sketch
from mlops.stage import Context, Stage

__all__ = ["Link", "Ports", "Wiring", "ports", "wire"]


@dataclass(frozen=True)
class Ports:
    """What a stage class takes and makes: names → formats."""

    inputs: Mapping[str, type[Artifact]]
    outputs: Mapping[str, type[Artifact]]
    problem: str = ""
    """Why the class is not a usable stage; empty when it is."""

    more: type[Artifact] | None = None
    """Format of any number of further inputs, named by the section's ``inputs`` alone: ``**models: Model``."""

    def input(self, name: str) -> type[Artifact]:
        """Give the format of an input."""
        found = self.inputs.get(name, self.more)
        assert found is not None  # noqa: S101 - inputs are checked before they are asked for
        return found


@dataclass(frozen=True)
class Link:
    """One input of a stage: the output of another that feeds it."""

    name: str
    stage: str
    output: str


@dataclass(frozen=True)
class Wiring:
    """The links of every stage, in the recipe's order."""

    links: Mapping[str, tuple[Link, ...]]
    faults: tuple[Fault, ...] = ()

    def ancestors(self, *stages: str) -> set[str]:
        """Name every stage whose work any of the given stages depends on."""
        found: set[str] = set()
        pending = [link.stage for stage in stages for link in self.links.get(stage, ())]
        while pending:
            name = pending.pop()
            if name not in found:
                found.add(name)
                pending += [link.stage for link in self.links.get(name, ())]
        return found


@lru_cache(maxsize=512)
def ports(stage: type[Stage]) -> Ports:
    """Read what a stage class takes and makes."""
    run = getattr(stage, "run", None)
    if not callable(run):
        return Ports({}, {}, f"{stage.__name__} has no method run")
    try:
        hints = get_type_hints(run)
    except Exception as exc:  # noqa: BLE001 - an annotation may raise anything
        return Ports({}, {}, f"the annotations of {stage.__name__}.run cannot be read: {exc}")
    parameters = inspect.signature(run).parameters
    named = [name for name in parameters if name not in ("self", "context")]
    rest = [name for name in named if parameters[name].kind is inspect.Parameter.VAR_KEYWORD]
    names = [name for name in named if name not in rest]
    inputs = {name: hints.get(name) for name in named}
    wrong = [name for name, kind in inputs.items() if not _is_format(kind)]
    if wrong:
        return Ports({}, {}, f"{stage.__name__}.run: the parameter {wrong[0]!r} is not annotated with a format")
    if hints.get("context", Context) is not Context:
        return Ports({}, {}, f"{stage.__name__}.run: the parameter 'context' must be a Context")
    outputs = _outputs(hints.get("return"))
    if outputs is None:
        return Ports({}, {}, f"{stage.__name__}.run must return a format, or a NamedTuple of formats")
    more = inputs[rest[0]] if rest else None
    return Ports({name: inputs[name] for name in names}, outputs, more=more)  # type: ignore[misc] # formats


def _is_format(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Artifact)


def _outputs(kind: Any) -> dict[str, type[Artifact]] | None:
    if _is_format(kind):
        return {kind.format: kind}
    if isinstance(kind, type) and hasattr(kind, "_fields"):
        hints = get_type_hints(kind)
        return hints if hints and all(_is_format(value) for value in hints.values()) else None
    return None


@dataclass
class _Wirer:
    recipe: Recipe
    links: dict[str, tuple[Link, ...]] = field(default_factory=dict)
    outputs: dict[str, Mapping[str, type[Artifact]]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    below: dict[str, Mapping[str, type[Artifact]]] = field(default_factory=dict)
    """What the stages that come later make."""

    opaque: bool = False
    """Whether a stage above is not known, so that it may make anything."""

    makers: dict[str, list[str]] = field(default_factory=dict)
    """Output → the stages that make one of that name, in reading order."""

    bits: dict[str, int] = field(default_factory=dict)
    """Stage → its own bit; sets of stages are bit masks, so that long recipes are wired in linear time."""

    above: dict[str, int] = field(default_factory=dict)
    """Stage → itself and all it builds on."""

    made: dict[str, int] = field(default_factory=dict)
    """Output → all its makers."""

    def blame(self, path: tuple[str, ...], message: str, fix: str = "") -> None:
        origins = self.recipe.origins
        self.faults.append(Fault(dotted(path), str(origins.place(path)), message, fix, origins.also(path)))

    def add(self, section: Section | Sketch) -> None:
        self.below.pop(section.name, None)
        self.bits[section.name] = self.above[section.name] = 1 << len(self.bits)
        kind = _class(section)
        if kind is None:
            self.opaque = True
            self.outputs[section.name] = {}
            self.links[section.name] = ()
            return
        found = ports(kind)
        if found.problem:
            self.blame((section.name, "_target_"), found.problem, "mend the class")
            self.opaque = True
        if section.options is not None:
            self.connect(section, found, section.options.inputs)
        self.outputs[section.name] = found.outputs
        for name in found.outputs:
            self.makers.setdefault(name, []).append(section.name)
            self.made[name] = self.made.get(name, 0) | self.bits[section.name]

    def connect(self, section: Section | Sketch, found: Ports, inputs: Mapping[str, str]) -> None:
        further = [name for name in inputs if name not in found.inputs]
        for unknown in further if not found.problem and found.more is None else ():
            fix = near(unknown, list(found.inputs), what="its inputs are") or "it takes no inputs"
            self.blame((section.name, "inputs", unknown), f"{section.name} has no input {unknown!r}", fix)
        wanted = {**found.inputs, **(dict.fromkeys(further, found.more) if found.more else {})}
        made = [self.link(section, name, kind, wanted=inputs.get(name)) for name, kind in wanted.items()]
        self.links[section.name] = tuple(link for link in made if link)
        for link in self.links[section.name]:
            self.above[section.name] |= self.above[link.stage]

    def link(self, section: Section | Sketch, name: str, kind: type[Artifact], *, wanted: str | None) -> Link | None:
        return self.nearest(section, name, kind) if wanted is None else self.chosen(section, name, kind, wanted=wanted)

    def chosen(self, section: Section | Sketch, name: str, kind: type[Artifact], *, wanted: str) -> Link | None:
        path = (section.name, "inputs", name)
        stage, _, output = wanted.partition(".")
        if stage not in self.outputs:
            fix = near(stage, list(self.outputs), what="above it are")
            self.blame(path, f"there is no stage {stage!r} above {section.name}", fix)
            return None
        outputs = self.outputs[stage]
        if not outputs and self.opaque:
            return None
        fitting = [key for key, value in outputs.items() if issubclass(value, kind)]
        output = output or (name if name in outputs else (fitting[0] if len(fitting) == 1 else ""))
        if output not in outputs:
            self.blame(path, f"{stage} makes no {kind.format} called {name!r}", f"it makes {_list(stage, outputs)}")
            return None
        if not issubclass(outputs[output], kind):
            message = f"{stage}.{output} is a {outputs[output].format}, a {kind.format} is needed"
            self.blame(path, message, self.makers_of(kind))
            return None
        return Link(name, stage, output)

    def nearest(self, section: Section | Sketch, name: str, kind: type[Artifact]) -> Link | None:
        if self.opaque:
            return None
        makers = self.makers.get(name, [])
        if not makers:
            fix = self.makers_of(kind, prefix=f"{section.name}.inputs.{name}: ")
            self.blame((section.name,), f"its input {name!r} ({kind.format}) is made by no stage above it", fix)
            return None
        last = makers[-1]
        found = self.outputs[last][name]
        if not issubclass(found, kind):
            message = f"its input {name!r} must be a {kind.format}, but {last} makes it a {found.format}"
            self.blame((section.name,), message, self.makers_of(kind, prefix=f"{section.name}.inputs.{name}: "))
            return None
        rivals = self.rivals(name, last)
        if rivals:
            both = " and ".join([*rivals, last])
            fix = f"write {section.name}.inputs.{name}: {last}, or {rivals[-1]}"
            self.blame((section.name,), f"its input {name!r} is made by {both}, and none builds on the other", fix)
            return None
        return Link(name, last, name)

    def rivals(self, name: str, last: str) -> list[str]:
        """Name the other makers of an output, which the last one does not build on."""
        bits = self.made[name] & ~self.above[last]
        return [stage for stage in self.makers[name] if self.bits[stage] & bits] if bits else []

    def makers_of(self, kind: type[Artifact], *, prefix: str = "") -> str:
        found = [f"{s}.{o}" for s, outs in self.outputs.items() for o, value in outs.items() if issubclass(value, kind)]
        if found:
            return f"write {prefix}{found[-1]}" if prefix else f"a {kind.format} is made by {', '.join(found)}"
        below = [s for s, outs in self.below.items() if any(issubclass(value, kind) for value in outs.values())]
        if below:
            return f"move {below[0]}, which makes one, above it"
        off = [
            name
            for name, value in self.recipe.values.items()
            if isinstance(value, dict) and value.get("enabled") is False
        ]
        hint = f" ({', '.join(off)}: enabled is false)" if off else ""
        return f"put a stage that makes a {kind.format} above it{hint}"


def _class(stage: Section | Sketch) -> type[Stage] | None:
    return type(stage.stage) if isinstance(stage, Section) else stage.stage


def _list(stage: str, outputs: Mapping[str, type[Artifact]]) -> str:
    return ", ".join(f"{stage}.{name} ({kind.format})" for name, kind in outputs.items()) or "nothing"


def wire(recipe: Recipe, sections: Sequence[Section] | None = None) -> Wiring:
    """Connect every input of every stage to its maker; what cannot be connected is a fault."""
    wirer = _Wirer(recipe)
    stages = _in_order(recipe, sections)
    wirer.below = {stage.name: ports(kind).outputs for stage in stages if (kind := _class(stage)) is not None}
    for section in stages:
        wirer.add(section)
    return Wiring(wirer.links, tuple(wirer.faults))


def _in_order(recipe: Recipe, sections: Sequence[Section] | None) -> list[Section | Sketch]:
    """Put the stages of a recipe with mistakes in reading order; disabled ones take no part."""
    if sections is not None or not recipe.sketches:
        return list(recipe.sections if sections is None else sections)
    known: dict[str, Section | Sketch] = {}
    known.update((stage.name, stage) for stage in recipe.sections)
    known.update((stage.name, stage) for stage in recipe.sketches)
    listed = recipe.values.get("stages") or ()
    enabled = [known[name] for name in listed if isinstance(name, str) and name in known]
    return [stage for stage in enabled if stage.options is None or stage.options.enabled]
