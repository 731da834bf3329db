"""The Hydra application behind ``mlops run``: --cfg, --info, --hydra-help, sweeps, tab completion."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hydra import version
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra._internal.utils import get_args_parser
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import OverrideType
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.errors import HydraException
from omegaconf import DictConfig

from mlops.catalog import RECIPE, ROOT, Catalog
from mlops.errors import MlopsError, ProjectError, RecipeError
from mlops.masking import Mask, named_in
from mlops.origin import in_order
from mlops.recipe.composition import compose
from mlops.recipe.launcher import offer
from mlops.recipe.overrides import parse_overrides
from mlops.recipe.source import CatalogRepository, CatalogSource

__all__ = ["SweepBroken", "SweepRefused", "application", "wants_hydra"]

_FLAGS = {
    *("--cfg", "-c", "--info", "-i", "--multirun", "-m", "--hydra-help", "--shell-completion", "-sc"),
    *("--resolve", "--package", "-p", "--experimental-rerun"),
}
_REFUSED = {
    "config_path": "--config-path",
    "config_name": "--config-name",
    "config_dir": "--config-dir",
    "experimental_rerun": "--experimental-rerun",  # it would load a pickle
}

Task = Callable[[Sequence[str]], Any]


def wants_hydra(arguments: Sequence[str]) -> bool:
    """Tell whether a command line needs the full application: a flag of Hydra's, or a key of ``hydra``."""
    return any(word.split("=")[0] in _FLAGS or word.lstrip("+~").startswith(("hydra.", "hydra/")) for word in arguments)


class _Loader(ConfigLoaderImpl):  # type: ignore[misc] # hydra has no type information
    """Hydra's loader over the catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.config_search_path = _SearchPath()
        self.repository = CatalogRepository(CatalogSource(catalog))


class _SearchPath(ConfigSearchPath):  # type: ignore[misc] # hydra has no type information
    """What --info shows; the catalog itself decides where files are found."""

    def get_path(self) -> list[Any]:
        """List nothing: the sources are fixed."""
        return []

    def append(self, provider: str, path: str, anchor: Any = None) -> None:
        """Refuse: a recipe cannot add places to search."""
        del provider, path, anchor
        raise ProjectError("hydra.searchpath is not available", fix="put files into the project's conf/ and recipes/")

    prepend = append


class SweepRefused(MlopsError):
    """Jobs of a sweep that could not begin; the others have run."""

    exit_code = 2


class SweepBroken(MlopsError):
    """Jobs of a sweep whose processes ended before they were done; the others have run."""

    exit_code = 1


@dataclass(frozen=True)
class _Verdict:
    """What came of one job; it may travel from another process."""

    overrides: str
    returned: Any = None
    refusal: str = ""
    """Why the job could not begin."""

    death: str = ""
    """Why the job's process ended before it was done."""


class _Job:
    """What Hydra calls for each job, here or in a process of a launcher: our own run, with the job's overrides."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._seen: list[_Verdict] = []
        """Jobs of this process, for sweepers that return nothing."""

        self._error: MlopsError | None = None

    def __call__(self, config: DictConfig) -> _Verdict:
        del config
        overrides = [text.removeprefix("++") for text in HydraConfig.get().overrides.task]
        try:
            verdict = _Verdict(" ".join(overrides), self._task(overrides))
        except MlopsError as exc:
            self._error = exc
            verdict = _Verdict(" ".join(overrides), refusal=str(exc))
        self._seen.append(verdict)
        return verdict

    def died(self, overrides: str, why: str) -> _Verdict:
        """Give the verdict on a job whose process ended before it was done."""
        return _Verdict(overrides, death=why)

    def results(self, jobs: Any) -> list[Any]:
        """Give what every job returned.

        Args:
            jobs: what Hydra gave back: a job, or nested lists of them; None from some sweepers.

        Raises:
            MlopsError: jobs could not begin; the others have run.
        """
        verdicts = [job.return_value for job in _flat(jobs)] or self._seen
        refused = [verdict for verdict in verdicts if verdict.refusal]
        if len(verdicts) == 1 and self._error is not None:
            raise self._error
        if refused:
            reasons = "\n".join(f"{verdict.overrides}\n{verdict.refusal}" for verdict in refused)
            raise SweepRefused(f"{len(refused)} of {len(verdicts)} jobs could not begin:\n{reasons}")
        if dead := [verdict for verdict in verdicts if verdict.death]:
            reasons = "\n".join(f"{verdict.overrides}\n  {verdict.death}" for verdict in dead)
            raise SweepBroken(
                f"{len(dead)} of {len(verdicts)} jobs ended before they were done:\n{reasons}",
                fix="look for memory; repeat the command: what is finished is not done again",
            )
        return [verdict.returned for verdict in verdicts]


def _flat(jobs: Any) -> list[JobReturn]:
    if isinstance(jobs, JobReturn):
        return [jobs]
    return [job for item in jobs for job in _flat(item)] if isinstance(jobs, list | tuple) else []


def application(catalog: Catalog, arguments: Sequence[str], task: Task) -> list[Any]:
    """Act on a command line as Hydra does.

    Args:
        catalog: the project's config files.
        arguments: everything after ``mlops run``.
        task: carries out one run, given its overrides.

    Returns:
        What the task returned, one a job; empty for flags that only show something.

    Raises:
        ProjectError: Hydra refuses the command line.
    """
    version.setbase("1.3")
    parser = get_args_parser()
    parser.prog = "mlops run"
    given = parser.parse_intermixed_args(list(arguments))
    for name, flag in _REFUSED.items():
        if getattr(given, name):
            raise ProjectError(f"{flag} is not available", fix="recipes are found by name: recipe=NAME")
    if any(text.lstrip("+~").startswith("hydra.searchpath") for text in given.overrides):
        raise ProjectError("hydra.searchpath is not available", fix="put files into the project's conf/ and recipes/")
    if not (given.shell_completion or given.hydra_help):
        _refuse_mistakes(catalog, given.overrides)
        given.overrides = [*_settled(catalog, given.overrides), *_folders(catalog, given.overrides)]
    Plugins.instance()
    offer()
    hydra = Hydra(task_name="mlops", config_loader=_Loader(catalog))
    GlobalHydra.instance().initialize(hydra)
    try:
        return _act(hydra, given, _Job(task), catalog=catalog)
    except HydraException as exc:
        raise ProjectError(_first_lines(exc)) from exc
    finally:
        GlobalHydra.instance().clear()


def _refuse_mistakes(catalog: Catalog, overrides: Sequence[str]) -> None:
    """Report what is wrong with the files and the overrides, before any job; swept values are judged job by job."""
    fixed, swept = _swept(overrides)
    faults = [fault for text in swept for fault in parse_overrides([text], catalog).faults]
    recipes = [text for text in swept if text.startswith(f"{RECIPE}=")]
    names: list[str] = []
    for recipe in recipes or [""]:
        composition = compose(catalog, [*fixed, recipe] if recipe else fixed)
        faults += composition.faults
        names.append(composition.recipe)
    if faults:
        raise RecipeError(", ".join(filter(None, names)), in_order(faults))


def _swept(overrides: Sequence[str]) -> tuple[list[str], list[str]]:
    """Tell fixed overrides from sweeps; each listed choice of a sweep is written out as an override."""
    parser = OverridesParser.create()
    fixed: list[str] = []
    swept: list[str] = []
    for text in overrides:
        try:
            override = parser.parse_override(text)
        except HydraException:
            fixed.append(text)
            continue
        if not override.is_sweep_override():
            fixed.append(text)
        elif override.is_discrete_sweep() and not override.is_hydra_override():
            swept += [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]
    return fixed, swept


def _settled(catalog: Catalog, overrides: Sequence[str]) -> list[str]:
    """Let a plain ``key=value`` set a key that the recipe leaves to its default, as ``mlops run`` does."""
    groups = {*catalog.groups(), RECIPE}
    parser = OverridesParser.create()
    found: list[str] = []
    for text in overrides:
        override = parser.parse_override(text)
        plain = override.type is OverrideType.CHANGE and not override.is_hydra_override()
        found.append(f"++{text}" if plain and override.key_or_group not in groups else text)
    return found


def _folders(catalog: Catalog, overrides: Sequence[str]) -> list[str]:
    """Keep what Hydra writes under the project's .mlops/."""
    state = catalog.project.state / "hydra"
    own = {"hydra.run.dir": state / "run", "hydra.sweep.dir": state / "sweep", "hydra.output_subdir": "null"}
    given = {text.split("=")[0].lstrip("+~") for text in overrides}
    return [
        f"{key}={value!s}" if value == "null" else f"{key}='{value}'" for key, value in own.items() if key not in given
    ]


def _first_lines(exc: Exception) -> str:
    cause = exc.__cause__
    return f"{exc}: {cause}" if cause and not str(exc) else str(exc) or type(exc).__name__


def _act(hydra: Hydra, given: argparse.Namespace, job: _Job, *, catalog: Catalog) -> list[Any]:
    overrides = given.overrides
    if given.hydra_help:
        hydra.hydra_help(config_name=ROOT, args_parser=get_args_parser(), args=given)
    elif given.cfg or given.info:
        _show(hydra, given, catalog)
    elif given.shell_completion:
        hydra.shell_completion(ROOT, overrides)
    elif given.multirun:
        return job.results(hydra.multirun(ROOT, job, overrides, with_log_configuration=False))
    else:
        return job.results(hydra.run(ROOT, job, overrides, with_log_configuration=False))
    sys.stdout.flush()
    return []


def _show(hydra: Hydra, given: argparse.Namespace, catalog: Catalog) -> None:
    """Print the composed config, or how it came about; the values of environment variables as references."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        if given.cfg:
            hydra.show_cfg(ROOT, given.overrides, given.cfg, given.package, resolve=given.resolve)
        else:
            hydra.show_info(given.info, ROOT, given.overrides)
    texts = [*given.overrides, *(file.text for file in catalog.files.values())]
    known = {name: os.environ[name] for name in named_in(texts) if name in os.environ}
    sys.stdout.write(Mask(known)(shown.getvalue()))
