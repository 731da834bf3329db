"""Recipe → Plan: wire inputs, compute keys, look up what is there, and say why each stage runs or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from mlops.errors import ArtifactDamaged, Fault, ProjectError, RecipeError
from mlops.fingerprint import Ingredients, differences
from mlops.machine import machine, shortage
from mlops.plan.ingredients import Measurer
from mlops.plan.model import Plan, Selection, Step
from mlops.plan.selection import Scope, scope_of
from mlops.plan.standing import fallen, place_of
from mlops.plan.wiring import Link, Wiring, wire
from mlops.project import Project
from mlops.recipe.model import Recipe, Section
from mlops.services.executor import Executor
from mlops.store import Entry, Store

__all__ = ["inspect", "make_plan"]


@dataclass
class _Planner:
    project: Project
    recipe: Recipe
    store: Store
    wiring: Wiring
    selection: Selection
    measurer: Measurer
    digests: dict[tuple[str, str], str] = field(default_factory=dict)
    """(stage, output) → digest, of what is there already."""

    steps: dict[str, Step] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def step(self, section: Section) -> Step:
        links = self.wiring.links[section.name]
        ingredients = self.measurer.measure(section)
        inputs = self.inputs(links)
        volatile = section.stage.volatile()
        forced = section.name in self.selection.force
        choices = section.stage.resolve(machine(section.options.resources))
        blank = Step(section, links, "run", (), ingredients, always=bool(volatile) or forced, choices=choices)
        if inputs is None:
            return replace(blank, reasons=self.reasons_below(section, ingredients, links))
        ingredients = replace(ingredients, inputs=inputs)
        blank = replace(blank, ingredients=ingredients)
        if forced:
            return replace(blank, reasons=("asked for by --force",))
        if volatile:
            return replace(blank, reasons=(volatile,))
        return self.looked_up(blank, self.store.find(ingredients.key()))

    def looked_up(self, blank: Step, entry: Entry | None) -> Step:
        """Reuse what is there and whole; otherwise say why not."""
        if entry is None:
            reasons = self.why(blank.section, blank.ingredients) or ("never made before",)
            return replace(blank, reasons=reasons)
        damage = self.damage(entry)
        if damage:
            self.warnings += [f"{blank.name}: {text}" for text in damage.values()]
            return replace(blank, reasons=tuple(damage.values()), damaged=tuple(damage))
        place = place_of(self.project, self.recipe.name)
        if why := fallen(blank.section, entry, store=self.store, place=place):
            return replace(blank, reasons=(why,), always=True)
        for output in entry.outputs:
            self.digests[blank.name, output.name] = output.digest
        return replace(blank, action="reuse", reasons=("nothing it depends on has changed",), entry=entry)

    def damage(self, entry: Entry) -> dict[str, str]:
        """Check an entry's artifacts: digest → what is wrong with it."""
        found: dict[str, str] = {}
        for output in entry.outputs:
            try:
                self.store.check(output.digest)
            except ArtifactDamaged as exc:
                found[output.digest] = f"its {output.name} is damaged: {exc.what.partition(': ')[2] or exc.what}"
        return found

    def inputs(self, links: Sequence[Link]) -> dict[str, str] | None:
        """Digest of each input, or None when one is not made yet."""
        known = {link.name: self.digests.get((link.stage, link.output)) for link in links}
        return None if None in known.values() else {name: str(digest) for name, digest in known.items()}

    def reasons_below(self, section: Section, ingredients: Ingredients, links: Sequence[Link]) -> tuple[str, ...]:
        """What changed in the stage itself, and which of its makers run; its inputs may yet turn out the same."""
        latest = self.latest(section)
        if latest is None:
            return ("never made before",)
        makers = dict.fromkeys(link.stage for link in links if self.steps[link.stage].action == "run")
        own = self.described(section, replace(latest, inputs={}), ingredients)
        return (*own, *(f"{name} runs again" for name in makers))

    def why(self, section: Section, ingredients: Ingredients) -> tuple[str, ...]:
        latest = self.latest(section)
        return self.described(section, latest, ingredients) if latest else ()

    def described(self, section: Section, old: Ingredients, new: Ingredients) -> tuple[str, ...]:
        origins = self.recipe.origins
        reasons = differences(
            old, new, section=section.name, origin=lambda path: str(origins.place(tuple(path.split("."))))
        )
        return tuple(reasons)

    def latest(self, section: Section) -> Ingredients | None:
        payload = self.store.latest(self.recipe.name, section.name)
        try:
            return Ingredients.from_json(payload["ingredients"]) if payload else None
        except (KeyError, TypeError):
            return None


def make_plan(project: Project, recipe: Recipe, store: Store, selection: Selection | None = None) -> Plan:
    """Plan a recipe; reads the store, writes nothing but hints.

    Raises:
        RecipeError: inputs do not fit, or outside files are missing.
        ProjectError: the selection names what is not there, or needs what was never made.
    """
    selection = selection or Selection()
    wiring = wire(recipe)
    if wiring.faults or _shortages(recipe) or _impossible(recipe):
        raise RecipeError(recipe.name, inspect(project, recipe))
    measurer = Measurer(project, recipe)
    scope = scope_of(selection, [section.name for section in recipe.sections], wiring)
    planner = _Planner(project, recipe, store, wiring, selection, measurer)
    for section in recipe.sections:
        if section.name in scope.shown:
            planner.steps[section.name] = _timed(planner.step(section), store, recipe)
    measurer.save()
    if measurer.faults:
        raise RecipeError(recipe.name, measurer.faults)
    _refuse_outside(planner, scope)
    return Plan(recipe, tuple(planner.steps.values()), selection, tuple(planner.warnings))


def inspect(project: Project, recipe: Recipe) -> list[Fault]:
    """Find what only planning can see: inputs that do not fit, files that are missing, a machine too small."""
    measurer = Measurer(project, recipe)
    for section in recipe.sections:
        measurer.measure(section)
    measurer.save()
    return [*wire(recipe).faults, *_shortages(recipe), *_impossible(recipe), *measurer.faults]


def _run_here(recipe: Recipe) -> list[Section]:
    """List the stages that certainly run on this machine; what it lacks, another one may have."""
    elsewhere = isinstance(recipe.executor, Executor) and recipe.executor.elsewhere()
    own = [section for section in recipe.sections if section.options.executor is None and not elsewhere]
    return own + [section for section in recipe.sections if section.options.executor == "local"]


def _shortages(recipe: Recipe) -> list[Fault]:
    found: list[Fault] = []
    for section in _run_here(recipe):
        for key, message in shortage(section.options.resources):
            place = recipe.origins.place((section.name, "resources", key))
            found.append(
                Fault(f"{section.name}.resources.{key}", str(place), message, "ask for less, or run elsewhere")
            )
    return found


def _impossible(recipe: Recipe) -> list[Fault]:
    """Find values that a recipe asks for and this machine has not."""
    return [
        Fault(
            f"{section.name}.{choice.key}",
            str(recipe.origins.place((section.name, *choice.key.split(".")))),
            f"{choice.value} cannot be had: {choice.reason}",
            choice.fix,
        )
        for section in _run_here(recipe)
        for choice in section.stage.resolve(machine(section.options.resources))
        if choice.fix
    ]


def _timed(step: Step, store: Store, recipe: Recipe) -> Step:
    if step.entry is not None:
        return replace(step, last_seconds=step.entry.seconds)
    latest = store.latest(recipe.name, step.name) or {}
    return replace(step, last_seconds=latest.get("seconds"))


def _refuse_outside(planner: _Planner, scope: Scope) -> None:
    """A stage outside the selection can only be reused."""
    missing = [s.name for s in planner.steps.values() if s.action == "run" and s.name not in scope.may_run]
    if missing:
        words = " ".join(planner.selection.words())
        raise ProjectError(
            f"{words} needs {', '.join(missing)}, which cannot be reused",
            where="; ".join(f"{name}: {planner.steps[name].reasons[0]}" for name in missing),
            fix=f"run without {words}, or with --from {missing[0]}",
        )
