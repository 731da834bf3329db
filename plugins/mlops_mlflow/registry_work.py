"""The work of the registry: what is asked of MLflow, and in which order, so that a kill leaves nothing half done."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from mlops.durable import make_folder, publish, sync_tree
from mlops.errors import ProjectError
from mlops.services.integrity import require_whole
from mlops.services.pins import pin
from mlops.services.registry import ModelVersion, NewVersion
from mlops.stage import Place
from mlops_mlflow.database import client_of
from mlops_mlflow.registry_view import View

__all__ = ["Work"]

_DIGEST, _FOLDER, _RUN, _RECIPE = "mlops.digest", "mlops.folder", "mlops.run", "mlops.recipe"
_METRICS, _FACTS = "mlops.metrics", "mlops.facts"
"""Tags of a version in MLflow; one without a digest is not ours and is passed over."""

_UPLOADS = "mlops-models"
"""Experiment whose runs hold the bundles that a server keeps."""

_PAGE = 200


@dataclass(frozen=True)
class Work:
    """An open registry, of which this process is the only user in the project."""

    client: Any
    uri: str | None
    place: Place
    view: View

    @classmethod
    def opened(cls, uri: str | None, place: Place) -> Work:
        """Open MLflow."""
        with _reaching(uri, place):
            return cls(client_of(uri, place.state), uri, place, View(place.state, uri))

    def register(self, new: NewVersion) -> ModelVersion:
        """Make a version, pinned before it can be seen; one with this digest is given again."""
        there = self.versions(new.model)
        for version in there:
            if version.digest == new.digest:
                return version
        self._pin(new.model, [*(item.digest for item in there), new.digest])
        with _reaching(self.uri, self.place):
            source, run = self._source(new)
            self._make_model(new.model)
            made = self.client.create_model_version(
                new.model, source, run, tags=self._tags(new), description=_described(new), await_creation_for=0
            )
        return next(item for item in self.versions(new.model) if item.version == int(made.version))

    def models(self) -> Iterator[str]:
        """Name the models that have versions of ours, in order."""
        with _reaching(self.uri, self.place):
            names = sorted(model.name for model in _all(self.client.search_registered_models))
        return (name for name in names if self.versions(name))

    def versions(self, model: str) -> list[ModelVersion]:
        """List the versions and renew the view."""
        with _reaching(self.uri, self.place):
            aliases = self._aliases(model)
            if aliases is None:
                return []
            found = _all(self.client.search_model_versions, f"name = '{model}'")
        ours = [self._version(item, aliases) for item in found if _DIGEST in item.tags]
        ours.sort(key=lambda item: item.version)
        if not self.view.is_current(model, ours):
            self._pin(model, [item.digest for item in ours])
            self.view.write(model, ours)
        return ours

    def point(self, model: str, alias: str, version: int | None) -> None:
        """Move an alias and renew the view."""
        there = {item.version: item for item in self.versions(model)}
        if version is not None and version not in there:
            names = ", ".join(str(number) for number in there) or "none"
            raise ProjectError(f"the model {model!r} has no version {version}", fix=f"versions are {names}")
        holders = [item.version for item in there.values() if alias in item.aliases]
        if holders == ([] if version is None else [version]):
            return
        with _reaching(self.uri, self.place):
            if version is None:
                self.client.delete_registered_model_alias(model, alias)
            else:
                self.client.set_registered_model_alias(model, alias, str(version))
        self.versions(model)

    def fetched(self, version: ModelVersion) -> Path:
        """Fetch a bundle from the server, prove it and keep it."""
        kept = self.place.state / "registry" / "bundles" / version.digest
        if kept.is_dir():
            return require_whole(kept, version.digest)
        make_folder(kept.parent)
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".", suffix=".tmp") as folder:
            with _reaching(self.uri, self.place):
                run = self.client.get_model_version(version.model, str(version.version)).run_id
                self.client.download_artifacts(run, "bundle", folder)
            made = require_whole(Path(folder, "bundle"), version.digest)
            sync_tree(made)
            publish(made, kept)
        return kept

    def _aliases(self, model: str) -> dict[str, str] | None:
        """Alias → version; None when there is no such model."""
        from mlflow.exceptions import MlflowException

        try:
            return dict(self.client.get_registered_model(model).aliases)
        except MlflowException as exc:
            if exc.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise

    def _make_model(self, model: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self.client.create_registered_model(model)
        except MlflowException as exc:
            if exc.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _source(self, new: NewVersion) -> tuple[str, str | None]:
        """Where the bundle lies: in the project's store, or in a run of the server that holds a copy."""
        if self.uri is None:
            return new.folder.absolute().as_uri(), None
        experiment = self.client.get_experiment_by_name(_UPLOADS)
        number = experiment.experiment_id if experiment else self.client.create_experiment(_UPLOADS)
        run = self.client.create_run(number, run_name=f"{new.model} {new.digest[:12]}").info
        self.client.log_artifacts(run.run_id, str(new.folder), "bundle")
        self.client.set_terminated(run.run_id)
        return f"{run.artifact_uri}/bundle", run.run_id

    def _tags(self, new: NewVersion) -> dict[str, str]:
        return {
            _DIGEST: new.digest,
            _FOLDER: self.view.inside(new.folder),
            _RUN: new.run,
            _RECIPE: new.recipe,
            _METRICS: json.dumps(dict(new.metrics)),
            _FACTS: json.dumps(dict(new.facts)),
        }

    def _version(self, item: Any, aliases: Mapping[str, str]) -> ModelVersion:
        tags = item.tags
        return ModelVersion(
            model=item.name,
            version=int(item.version),
            digest=tags[_DIGEST],
            folder=self.place.state / tags[_FOLDER],
            created=datetime.fromtimestamp(item.creation_timestamp / 1_000, UTC).isoformat(timespec="milliseconds"),
            run=tags.get(_RUN, ""),
            recipe=tags.get(_RECIPE, ""),
            aliases=tuple(sorted(name for name, number in aliases.items() if int(number) == int(item.version))),
            metrics=json.loads(tags.get(_METRICS, "{}")),
            facts=json.loads(tags.get(_FACTS, "{}")),
        )

    def _pin(self, model: str, digests: list[str]) -> None:
        """Keep bundles from being cleared away for as long as they are registered."""
        owner = f"model/{model}" if self.uri is None else f"model/{model}@{self.view.registry}"
        pin(self.place.state, owner, digests)


def _described(new: NewVersion) -> str:
    where = f"recipe {new.recipe}, run {new.run}" if new.run else ""
    metrics = ", ".join(f"{name} {value:.4g}" for name, value in list(new.metrics.items())[:6])
    return "; ".join(part for part in (where, metrics) if part)


def _all(search: Any, wanted: str | None = None) -> list[Any]:
    """Read every page of a search."""
    found: list[Any] = []
    token = None
    while True:
        page = search(filter_string=wanted, max_results=_PAGE, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


@contextmanager
def _reaching(uri: str | None, place: Place) -> Iterator[None]:
    """Say what is wrong with the registry in words that help."""
    from mlops_mlflow.database import silence

    silence()
    from mlflow.exceptions import MlflowException
    from requests import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, RequestException, SQLAlchemyError) as exc:
        said = str(exc).strip().splitlines()[0][:300]
        where = _without_password(uri) if uri else str(place.state / "mlflow" / "mlflow.db")
        fix = "see that the server runs and may be reached, or set registry.uri" if uri else "see that the disk is well"
        password = urlsplit(uri).password if uri else None
        said = said.replace(password, "***") if password else said
        raise ProjectError(f"the model registry does not answer as it should: {said}", where=where, fix=fix) from exc


def _without_password(uri: str) -> str:
    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
