"""The version control of data that a project uses."""

from __future__ import annotations

from mlops.catalog import Catalog
from mlops.errors import ProjectError
from mlops.plugins import Plugins
from mlops.project import Project
from mlops.services.versions import Versions
from mlops.stage import Place

__all__ = ["place_of", "versions_of"]

_CONFIG = "versions/default"


def place_of(project: Project) -> Place:
    """Say where a project works, outside of any run."""
    return Place(project.root, project.state)


def versions_of(project: Project) -> Versions:
    """Build what conf/versions/default.yaml describes, the project's own before the packaged one.

    Raises:
        ProjectError: the file is not there, or does not describe a version control.
    """
    file = Catalog(project).load(_CONFIG)
    where = f"conf/{_CONFIG}.yaml"
    if file is None:
        raise ProjectError("nothing says how data is versioned", where=where, fix="remove your own empty conf/versions")
    if file.faults:
        raise ProjectError(f"the file has a mistake: {file.faults[0]}", where=where)
    keys = dict(file.root.data())
    plugins = Plugins(project.plugins)
    kind = plugins.resolve(keys.pop("_target_", None), Versions)
    try:
        made = kind.model_validate(keys, context={"resolve": plugins.resolve})
    except ValueError as exc:
        raise ProjectError(f"its keys are wrong: {exc}", where=where) from exc
    assert isinstance(made, Versions)  # noqa: S101 - resolved as one
    return made
