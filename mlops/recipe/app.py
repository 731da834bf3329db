"""The Hydra application behind ``mlops run``: --cfg, --info, --hydra-help, sweeps, tab completion."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
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
from hydra.errors import HydraException
from omegaconf import DictConfig

from mlops.catalog import RECIPE, ROOT, Catalog
from mlops.errors import ProjectError, RecipeError
from mlops.recipe.composition import compose
from mlops.recipe.source import CatalogRepository, CatalogSource

__all__ = ["application", "wants_hydra"]

_FLAGS = {
    *("--cfg", "-c", "--info", "-i", "--multirun", "-m", "--hydra-help", "--shell-completion", "-sc"),
    *("--resolve", "--package", "-p", "--experimental-rerun"),
}
_REFUSED = {"config_path": "--config-path", "config_name": "--config-name", "config_dir": "--config-dir"}

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
        raise ProjectError("hydra.searchpath is not available", fix="put files into the project's conf/ and recipes/")

    prepend = append


class _Job:
    """What Hydra calls for each job: our own run, with the job's overrides."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def __call__(self, config: DictConfig) -> Any:
        del config
        return self._task([text.removeprefix("++") for text in HydraConfig.get().overrides.task])


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
    given = get_args_parser().parse_args(list(arguments))
    for name, flag in _REFUSED.items():
        if getattr(given, name):
            raise ProjectError(f"{flag} is not available", fix="recipes are found by name: recipe=NAME")
    if not given.shell_completion:
        _refuse_mistakes(catalog, given.overrides)
        given.overrides = [*_settled(catalog, given.overrides), *_folders(catalog, given.overrides)]
    Plugins.instance()
    hydra = Hydra(task_name="mlops", config_loader=_Loader(catalog))
    GlobalHydra.instance().initialize(hydra)
    try:
        return _act(hydra, given, _Job(task))
    except HydraException as exc:
        raise ProjectError(_first_lines(exc)) from exc
    finally:
        GlobalHydra.instance().clear()


def _refuse_mistakes(catalog: Catalog, overrides: Sequence[str]) -> None:
    """Report what is wrong with the files and with every override that is not a sweep, before any job."""
    parser = OverridesParser.create()
    fixed: list[str] = []
    for text in overrides:
        try:
            override = parser.parse_override(text)
        except HydraException:
            fixed.append(text)
            continue
        if not override.is_sweep_override():
            fixed.append(text)
        elif override.key_or_group == RECIPE:
            fixed.append(f"{RECIPE}={next(iter(override.sweep_string_iterator()))}")
    composition = compose(catalog, fixed)
    if composition.faults:
        raise RecipeError(composition.recipe or "?", composition.faults)


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


def _act(hydra: Hydra, given: argparse.Namespace, job: _Job) -> list[Any]:
    overrides = given.overrides
    if given.hydra_help:
        hydra.hydra_help(config_name=ROOT, args_parser=get_args_parser(), args=given)
    elif given.cfg:
        hydra.show_cfg(ROOT, overrides, given.cfg, given.package, resolve=given.resolve)
    elif given.info:
        hydra.show_info(given.info, ROOT, overrides)
    elif given.shell_completion:
        hydra.shell_completion(ROOT, overrides)
    elif given.multirun:
        return _sweep(hydra, overrides, job)
    else:
        return [hydra.run(ROOT, job, overrides, with_log_configuration=False).return_value]
    sys.stdout.flush()
    return []


def _sweep(hydra: Hydra, overrides: list[str], job: _Job) -> list[Any]:
    """Run every job; one that fails does not keep the others from running."""
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    returned = hydra.multirun(ROOT, job, overrides, with_log_configuration=False)
    batches = returned if isinstance(returned, list) else []
    jobs = [item for batch in batches for item in (batch if isinstance(batch, list) else [batch])]
    return [item.return_value for item in jobs]
