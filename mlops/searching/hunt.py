"""One search of one project: where its journal lies, whether it is finished, and the recipe that it leads to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from mlops.errors import MissingExtra, ProjectError, StageError
from mlops.fingerprint import versions
from mlops.fingerprint.libraries import NOT_INSTALLED
from mlops.machine import cores
from mlops.plan import Selection
from mlops.plan.wiring import ports
from mlops.recipe import Options, Recipe, Search, Section
from mlops.recipe.ranges import SECTION
from mlops.searching.journal import Found, Journal
from mlops.searching.scope import SearchScope, identity, scope_of_search
from mlops.services.searcher import Searcher, Trial
from mlops.services.space import Choice, Parameter, Range
from mlops.workspace import Workspace

__all__ = ["Hunt"]

_MEMBER = "member_"
"""Sections of an ensemble's members are named by this and the trial's number."""


@dataclass(frozen=True)
class Hunt:
    """A search that a recipe asks for."""

    work: Workspace
    recipe: Recipe
    """With a value in place of each range."""

    search: Search

    def concerns(self, selection: Selection) -> bool:
        """Tell whether any stage that a person asked for depends on what is searched."""
        if selection == Selection():
            return True
        plan = self.work.plan(self.recipe, Selection(end=selection.end, only=selection.only))
        return any(step.name in self.scope.below for step in plan.steps)

    @property
    def searcher(self) -> Searcher:
        """How to search."""
        return self.search.searcher

    @cached_property
    def scope(self) -> SearchScope:
        """Which stages take part.

        Raises:
            ProjectError: no searched value has a say in what is judged, or members of an ensemble would not fit.
        """
        found = scope_of_search(self.recipe, self.search)
        until = self.searcher.until
        if until not in found.tried:
            raise ProjectError(
                f"no searched value has a say in {until}, so all trials would be the same",
                where=str(self.recipe.origins.place((SECTION,))),
                fix="search keys of that stage or of one above it, or set tune.until",
            )
        if self.searcher.ensemble is not None and found.tried != (until,):
            raise ProjectError(
                f"models of an ensemble must share their features, but trials differ in {found.tried[0]}",
                where=str(self.recipe.origins.place((SECTION, "ensemble"))),
                fix=f"search keys of {until} alone, or write tune.ensemble: null",
            )
        return found

    @cached_property
    def key(self) -> str:
        """What tells this search from every other one."""
        return identity(self.work.project, self.recipe, self.search)

    @cached_property
    def journal(self) -> Journal:
        """What it has found so far."""
        return Journal(self.work.project.state / "searches" / self.key)

    @cached_property
    def trials(self) -> int:
        """How many trials there shall be: no more than there are different ones."""
        return int(min(self.searcher.trials, _combinations(self.search.space)))

    @property
    def settings(self) -> dict[str, Any]:
        """What decides whether there is something left to do."""
        return {"trials": self.trials, "budget": self.searcher.budget}

    @property
    def cpus(self) -> int:
        """Threads of each trial."""
        return max(1, cores() // self.searcher.concurrency)

    def is_finished(self, found: Found) -> bool:
        """Tell whether nothing is left to do."""
        if found.is_hopeless or not found.ranked:
            return False
        if len(found.trials) >= self.trials:
            return True
        budget, closed = self.searcher.budget, found.closed
        return budget is not None and closed is not None and (closed.get("budget") or 0) >= budget

    def refuse_missing_libraries(self) -> None:
        """Name every library that some trial would lack, before any is made.

        Raises:
            MissingExtra: there is one.
        """
        sections = [s for other in (self.recipe, *self.search.variants) for s in other.sections]
        tried = [section for section in sections if section.name in self.scope.tried]
        classes = dict.fromkeys(cls for section in tried for cls in (type(section.stage), *section.parts))
        lacking = {cls: [n for n, v in versions(cls.libraries).items() if v == NOT_INSTALLED] for cls in classes}
        names = list(dict.fromkeys(name for found in lacking.values() for name in found))
        if names:
            extras = sorted({cls.extra for cls, found in lacking.items() if found and cls.extra})
            raise MissingExtra(", ".join(names), extra=",".join(extras))

    def winner(self, found: Found) -> Recipe:
        """Make the recipe that goes on: with the values of the best trial, or with an ensemble of the best ones.

        Raises:
            StageError: no trial was done.
        """
        ranked = found.ranked
        if not ranked:
            raise StageError("no trial of the search was done", fix="look at one of them: mlops runs")
        best = self._made(ranked[0].values)
        if self.searcher.ensemble is None or len(ranked) == 1:
            return best
        return self._joined(best, self._candidates(ranked))

    @cached_property
    def _made(self) -> Callable[[Mapping[str, Any]], Recipe]:
        return self.work.recipes(self.recipe.overrides)

    def _candidates(self, ranked: tuple[Trial, ...]) -> list[Trial]:
        """Take the best of every choice of sections, then the best of all, each set of values once."""
        groups = [parameter.key for parameter in self.search.space if parameter.group]
        firsts: dict[Any, Trial] = {}
        distinct: dict[str, Trial] = {}
        for trial in ranked:
            distinct.setdefault(repr(sorted(trial.values.items())), trial)
        for trial in distinct.values():
            firsts.setdefault(tuple(trial.values.get(group) for group in groups), trial)
        ordered = [*firsts.values(), *(trial for trial in distinct.values() if trial not in firsts.values())]
        chosen = ordered[: self.searcher.candidates]
        return sorted(chosen, key=ranked.index)

    def _joined(self, best: Recipe, trials: list[Trial]) -> Recipe:
        """Put a section for each member before the judged one, which becomes the ensemble."""
        until, stage = self.searcher.until, self.searcher.ensemble
        assert stage is not None  # noqa: S101 - asked for
        members = [self._member(trial) for trial in trials]
        wanted = ports(type(stage))
        if wanted.problem or wanted.more is None:
            raise ProjectError(
                f"{type(stage).__name__} cannot join any number of models",
                where=str(self.recipe.origins.place((SECTION, "ensemble"))),
                fix=wanted.problem or "give its run a parameter **models",
            )
        given = {key: value for key, value in self._written().items() if key != "_target_"}
        target = str(self._written().get("_target_", ""))
        inputs = {member.name: member.name for member in members}
        joined = Section(until, target, stage, given, Options(inputs=inputs), (type(stage),))
        sections: list[Section] = []
        for section in best.sections:
            sections += [*members, joined] if section.name == until else [section]
        names = tuple(section.name for section in sections)
        values = {**best.values, **{member.name: _as_written(member) for member in members}, until: _as_written(joined)}
        head = best.head.model_copy(update={"stages": names})
        return replace(best, sections=tuple(sections), head=head, values={**values, "stages": list(names)})

    def _written(self) -> dict[str, Any]:
        return dict(self.recipe.values[SECTION]["ensemble"])

    def _member(self, trial: Trial) -> Section:
        recipe = self._made(trial.values)
        section = next(section for section in recipe.sections if section.name == self.searcher.until)
        return replace(section, name=f"{_MEMBER}{trial.number + 1}")


def _as_written(section: Section) -> dict[str, Any]:
    options = section.options.model_dump(mode="json", exclude_unset=True)
    return {"_target_": section.target, **section.parameters, **options}


def _combinations(space: tuple[Parameter, ...]) -> float:
    """Count the different sets of values; infinite when a number is drawn."""
    return _count(space, None)


def _count(space: tuple[Parameter, ...], when: tuple[str, Any] | None) -> float:
    total = 1.0
    for parameter in space:
        if parameter.when == when:
            below = [_count(space, (parameter.key, value)) for value in _values(parameter.range)]
            total *= sum(below) if below else float("inf")
    return total


def _values(found: Range) -> Iterator[Any]:
    """Give every value of a range that has a limited number of them."""
    if isinstance(found, Choice):
        yield from found.bounds()
    elif isinstance(found.middle(), int):
        low, high = found.bounds()
        yield from range(low, min(high, low + 100_000) + 1)
