"""What a plugin author writes: stages and parts, and the context in which a stage runs."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

__all__ = ["Choice", "Context", "Gpu", "Machine", "Part", "Place", "Resources", "Stage", "Traces"]


@dataclass(frozen=True)
class Gpu:
    """One graphics card that the driver lists."""

    name: str
    memory: int = 0
    """Bytes."""

    capability: tuple[int, int] = (0, 0)
    """Compute capability; bfloat16 arithmetic from (8, 0) on."""


@dataclass(frozen=True)
class Machine:
    """What a stage will find where it runs."""

    cpus: int = 1
    """Threads that the stage may use."""

    memory: int = 0
    """Bytes of memory; 0 when the system does not say."""

    gpus: tuple[Gpu, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where work is done: the project's folders, and which recipe and run it is done for."""

    root: Path = Path()
    """The project's root."""

    state: Path = Path(".mlops")
    """Folder of everything that mlops writes; what is kept here for good lies in a folder of its own."""

    recipe: str = ""
    run: str = ""
    """ID of the run that is under way; empty outside of one."""


@dataclass(frozen=True)
class Traces:
    """What shows at a glance that an effect still stands: these files untouched, these locks still held."""

    files: tuple[Path, ...] = ()
    locks: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Choice:
    """A value that the recipe left open, as it is chosen on a machine, and why."""

    key: str
    value: str
    reason: str
    fix: str = ""
    """How to mend a value that the recipe asks for and the machine has not; planning then fails with it."""


class Part(BaseModel):
    """An object described in a recipe: frozen, strict, named by ``_target_``.

    Fields are the YAML keys. A field typed with a `Part` subclass takes a nested section whose
    own ``_target_`` names any trusted subclass; the target is resolved by the function that the
    validation context holds under ``resolve``.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), validate_default=True, defer_build=True
    )

    libraries: ClassVar[tuple[str, ...]] = ()
    """Distributions whose versions change the result; they count in the stage's key. ``a|b``: either serves."""

    extra: ClassVar[str] = ""
    """The extra of ``mlops`` (or of the plugin's distribution) that installs those libraries."""

    def resolve(self, machine: Machine) -> tuple[Choice, ...]:  # noqa: ARG002 - for those that leave something open
        """Choose what was left to ``auto``, for a machine; the plan shows it.

        Must be light: it is called when planning, where no heavy library may be imported.
        """
        return ()

    @model_validator(mode="wrap")
    @classmethod
    def _build_target(cls, value: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if not isinstance(value, Mapping) or "_target_" not in value:
            if isinstance(value, Mapping) and inspect.isabstract(cls):
                raise PydanticCustomError(
                    "no_target",
                    "has no _target_, so it is not known which {kind}",
                    {"kind": cls.__name__, "fix": "add _target_: package.module.Class"},
                )
            return handler(value)
        resolve: Callable[[str, type[Part]], type[Self]] = (info.context or {})["resolve"]
        chosen = resolve(value["_target_"], cls)
        rest = {key: item for key, item in value.items() if key != "_target_"}
        return chosen.model_validate(rest, context=info.context)


class Stage(Part):
    """One step of a model's life: fields are its section's keys, `run` is its work.

    Each parameter of ``run`` except ``context`` is an input, annotated with a format of
    `mlops.formats`. The return annotation is the output: one format, or a NamedTuple of formats.

        class Head(Stage):
            rows: int = 100
            def run(self, table: Table, *, context: Context) -> Table: ...
    """

    run: ClassVar[Callable[..., Any]]

    located_by: ClassVar[tuple[str, ...]] = ()
    """Keys that only say where sources are: the sources' content counts in their place."""

    def sources(self) -> tuple[str, ...]:
        """Outside files this stage reads: paths, globs or URLs as the recipe has them, or a path `at_revision`.

        The engine checks at plan time that they exist and counts their bytes in the key.
        """
        return ()

    def volatile(self) -> str:
        """Why what this stage reads outside cannot be fingerprinted; empty when it can.

        A stage that gives a reason runs every time; equal outputs still spare those below it.
        """
        return ""

    def stands(self, made: Mapping[str, Any], place: Place) -> str:  # noqa: ARG002 - for those with an effect
        """Say why an effect that this stage had outside its outputs no longer stands; empty when it does.

        Called before a finished result is reused: with a reason, the stage runs again. For stages that
        register, deploy or compare with what is registered. Must be light, as `resolve` is.

        Args:
            made: handles of the outputs that would be reused, by name.
            place: where the recipe works.
        """
        return ""

    def traces(self, made: Mapping[str, Any], place: Place) -> Traces | None:  # noqa: ARG002 - as above
        """Name what must be untouched for `stands` to give the same answer again; None when files do not tell.

        Asked when a whole run was reused, so that the next one may be recognised without planning.
        """
        return Traces() if type(self).stands is Stage.stands else None


class Resources(BaseModel):
    """What a stage may use of the machine."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    cpus: int | None = Field(default=None, ge=1)
    """Threads the stage may use; all the machine's when not given."""

    gpus: int = Field(default=0, ge=0)
    """GPUs the stage needs."""

    memory: str | None = Field(default=None, pattern=r"^\d+(\.\d+)?\s*(MB|GB|MiB|GiB)$")
    """Memory the stage needs, such as 4GiB; planning fails on a machine that has less."""


def _ignore_progress(done: float, total: float, note: str, /) -> None:
    """Take progress that nobody watches."""


def _ignore_metric(name: str, value: float, step: int | None, /) -> None:
    """Take a metric that nobody records."""


def _ignore_audit(action: str, subject: str, facts: Mapping[str, Any], /) -> None:
    """Take a deed that nobody writes down."""


def _as_written(source: str, /) -> list[str]:
    """Take a source for the file it names."""
    return [source]


@dataclass(frozen=True)
class Context:
    """What a stage may touch while it runs."""

    folder: Path
    """Work folder of this attempt; on the store's own file system and empty at the start."""

    seed: int = 0
    cpus: int = 1
    """Threads to use: hand this to every library that takes a thread count."""

    gpus: int = 0
    machine: Machine = field(default_factory=Machine)
    """What there is here, for values that the recipe left open."""

    log: logging.Logger = field(default_factory=lambda: logging.getLogger("mlops.stage"))
    find: Callable[[str], list[str]] = _as_written
    """Source as written in the recipe → the files or URLs it names, project first, then packaged."""

    on_metric: Callable[[str, float, int | None], None] = _ignore_metric
    on_progress: Callable[[float, float, str], None] = _ignore_progress
    resume: Path | None = None
    """Folder that survives a killed attempt of this very step; what a checkpoint is written to."""

    lineage: Mapping[str, Any] = field(default_factory=dict)
    """Which stages, keys and input digests led here (no times, no run ids: same work, same bytes)."""

    place: Place = field(default_factory=Place)
    """For stages with an effect outside their outputs (see `Stage.stands`); others have no use for it."""

    digests: Mapping[str, str] = field(default_factory=dict)
    """Digest of each input, by the input's name."""

    on_audit: Callable[[str, str, Mapping[str, Any]], None] = _ignore_audit

    def output(self, name: str) -> Path:
        """Make the empty folder in which the output called ``name`` is to be written."""
        path = self.folder / name
        path.mkdir(parents=True)
        return path

    def metric(self, name: str, value: float, *, step: int | None = None) -> None:
        """Record a number about this stage, once or at each ``step``."""
        self.on_metric(name, float(value), step)

    def audit(self, action: str, subject: str, **facts: Any) -> None:
        """Write a deed into the project's audit log: what was done, to what, and on what evidence."""
        self.on_audit(action, subject, facts)

    def progress(self, done: float, total: float, note: str = "") -> None:
        """Say how far the work is: ``done`` of ``total``, and a word on what is being done."""
        self.on_progress(done, total, note)
