"""The model registry of MLflow: versions and aliases in its database or on its server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from mlops.durable import locked
from mlops.services.integrity import require_whole
from mlops.services.registry import ModelVersion, NewVersion, Registry
from mlops.stage import Place, Traces
from mlops_mlflow.registry_view import View

if TYPE_CHECKING:
    from mlops_mlflow.registry_work import Work

__all__ = ["MLflow"]


class MLflow(Registry):
    """MLflow's model registry: the project's own SQLite database, or a server.

    One process at a time works with the registry from this project; a view of each model under
    ``.mlops/registry`` spares planning the import of MLflow.
    """

    libraries: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str] = "mlflow"

    uri: Annotated[str | None, Field(min_length=1)] = None
    """Address of an MLflow server, such as http://localhost:5000; the project's own database when not given."""

    def register(self, new: NewVersion, place: Place) -> ModelVersion:
        """Make a version of a bundle; one that is registered already under this model is given again."""
        with self._working(place) as work:
            return work.register(new)

    def models(self, place: Place) -> tuple[str, ...]:
        """Name all models."""
        if self._is_empty(place):
            return ()
        with self._working(place) as work:
            return tuple(work.models())

    def versions(self, model: str, place: Place) -> tuple[ModelVersion, ...]:
        """List the versions of a model, the oldest first; none for a model that is not there."""
        if self._is_empty(place):
            return ()
        with self._working(place) as work:
            return tuple(work.versions(model))

    def traces(self, model: str, place: Place) -> Traces:
        """Name the view of the model, which every operation of this project keeps up to date."""
        return Traces((View(place.state, self.uri).path(model),))

    def point(self, model: str, alias: str, *, version: int | None, place: Place) -> None:
        """Let an alias point at a version, or at none."""
        with self._working(place) as work:
            work.point(model, alias, version)

    def holder(self, model: str, alias: str, place: Place) -> ModelVersion | None:
        """Give the version an alias points at, as this project last saw it."""
        found = self.known(model, place) or ()
        return next((item for item in found if alias in item.aliases), None)

    def known(self, model: str, place: Place) -> tuple[ModelVersion, ...]:
        """List the versions of a model as this project last saw them."""
        return View(place.state, self.uri).read(model)

    def bundle(self, version: ModelVersion, place: Place) -> Path:
        """Give the folder of a version's bundle; from a server it is fetched when it is not here."""
        if self.uri is None or (version.folder / "manifest.json").is_file():
            return require_whole(version.folder, version.digest)
        with self._working(place) as work:
            return work.fetched(version)

    def _is_empty(self, place: Place) -> bool:
        """Whether there is no database yet, which need not be made only to find nothing in it."""
        return self.uri is None and not (place.state / "mlflow" / "mlflow.db").exists()

    @contextmanager
    def _working(self, place: Place) -> Iterator[Work]:
        from mlops_mlflow.registry_work import Work

        with locked(place.state / "registry" / "lock"):
            yield Work.opened(self.uri, place)
