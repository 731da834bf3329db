"""The one who validates a recipe: what is needed to judge values, and the faults found so far."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from mlops.catalog import Catalog
from mlops.errors import Fault
from mlops.masking import reveal
from mlops.origin import KeyPath, Origins, dotted
from mlops.plugins import Plugins, TargetRefused
from mlops.recipe.coercions import coercions
from mlops.recipe.complaints import STRICT_ONLY, Complaint, Subject, allowed, complaints, spelling
from mlops.recipe.composition import Composition
from mlops.recipe.interpolation import Resolution
from mlops.recipe.literal_secrets import advice, literal_secrets
from mlops.recipe.wording import TYPES, shown
from mlops.stage import Part

__all__ = ["Judge"]

_ABSENT = frozenset({"missing", "too_short"})
"""Kinds of complaint that a file which could not be read explains."""

_WHOLE = frozenset({"value_error", "assertion_error"})
"""Kinds that a validator of a whole section gives, which a value left out may cause."""


@dataclass(kw_only=True)
class Judge:
    """What validation needs to know, and the faults it has found."""

    catalog: Catalog
    plugins: Plugins
    origins: Origins
    composition: Composition
    resolution: Resolution
    faults: list[Fault] = field(default_factory=list)
    parts: list[type[Part]] = field(default_factory=list)
    """Classes of the parts met since it was last emptied."""

    holes: set[KeyPath] = field(init=False)
    """Keys whose value is not known because of a fault reported elsewhere; no more is said of them."""

    def __post_init__(self) -> None:
        self.holes = {*self.composition.unknown, *self.resolution.holes}

    @property
    def values(self) -> dict[str, Any]:
        """The resolved values, secrets as references."""
        return self.resolution.values

    @property
    def incomplete(self) -> bool:
        """Whether a whole file could not be read, so that anything may be missing."""
        return self.composition.incomplete

    def is_unknown(self, path: KeyPath) -> bool:
        """Tell whether a key lies in a hole."""
        real = self.origins.follow(path)
        return any(p[: len(hole)] == hole for hole in self.holes for p in (path, real))

    def blame(self, path: KeyPath, message: str, fix: str = "", *, also: Iterable[str] = ()) -> None:
        """Report a fault of a key."""
        path = self.origins.follow(path)
        places = tuple(dict.fromkeys((*self.origins.also(path), *also)))
        self.keep(Fault(dotted(path), str(self.origins.place(path)), message, fix, places))

    def keep(self, fault: Fault) -> None:
        """Report a fault, unless the same was said of the same key."""
        if not any((f.key, f.message) == (fault.key, fault.message) for f in self.faults):
            self.faults.append(fault)

    def resolve_part(self, target: Any, kind: type[Part]) -> type[Part]:
        """Find a nested part's class; pydantic reports a refusal at the part's place."""
        try:
            found = self.plugins.resolve(target, kind)
        except TargetRefused as exc:
            raise PydanticCustomError("target_refused", "{what}", {"what": exc.what, "fix": exc.fix}) from exc
        self.parts.append(found)
        return found

    def known_part(self, target: Any) -> type[Part] | None:
        """Find the class that a target names, if it names one."""
        try:
            return self.plugins.resolve(target, Part)
        except TargetRefused:
            return None

    def build(
        self, model: type[BaseModel], path: KeyPath, given: Mapping[str, Any], *, reserved: tuple[str, ...] = ()
    ) -> Any:
        """Validate values against a model; the faults are kept and None is returned when there are any."""
        subject = Subject(path, given, model, self.origins, self.known_part, reserved)
        before = len(self.faults)
        try:
            made = model.model_validate(reveal(dict(given), self.resolution.secrets), context=self._context())
        except ValidationError as exc:
            self._complain(subject, complaints(exc, subject))
            self._complain(subject, self._strictly(subject))
            return None
        except Exception as exc:  # noqa: BLE001 - a plugin's validator may raise anything
            self.blame(path, f"{model.__name__} could not be checked: {type(exc).__name__}: {exc}{_line(exc)}")
            return None
        for where, kind in coercions(given, made):
            value = subject.value(where)
            fix = spelling(value, kind) or allowed(subject, where)
            self.blame((*path, *where), f"must be {TYPES[kind]}, not {shown(value)}", fix)
        for where, what in literal_secrets(given, made):
            self.blame((*path, *where), what, advice((*path, *where)))
        clean = len(self.faults) == before and not any(hole[: len(path)] == path for hole in self.holes)
        return made if clean else None

    def _context(self) -> dict[str, Any]:
        return {"resolve": self.resolve_part}

    def _complain(self, subject: Subject, found: Iterable[Complaint]) -> None:
        blamed = {fault.key for fault in self.faults}
        for complaint in found:
            path = (*subject.base, *complaint.path)
            strict = complaint.kind in STRICT_ONLY and complaint.fault.key in blamed
            if not strict and not self._explained(complaint.kind, path):
                self.keep(complaint.fault)

    def _explained(self, kind: str, path: KeyPath) -> bool:
        """Tell whether a complaint only follows from a fault reported elsewhere."""
        if self.incomplete and kind in _ABSENT | _WHOLE:
            return True
        if kind == "extra_forbidden":
            return any(path[: len(hole)] == hole and path != hole for hole in self.holes)
        real = self.origins.follow(path)
        above = kind in _WHOLE and any(hole[: len(p)] == p for hole in self.holes for p in (path, real))
        return above or self.is_unknown(path)

    def _strictly(self, subject: Subject) -> list[Complaint]:
        """Find text given as a number, or the like, among values that are wrong in other ways too."""
        try:
            text = json.dumps(subject.values)
            subject.model.model_validate_json(text, strict=True, context=self._context())
        except ValidationError as exc:
            return complaints(exc, subject, only=STRICT_ONLY)
        except Exception:  # noqa: BLE001 - the first validation has said what is wrong
            return []
        return []


def _line(exc: BaseException) -> str:
    frames = traceback.extract_tb(exc.__traceback__)
    return f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
