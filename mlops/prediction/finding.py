"""The bundle that is meant: a folder, or what the last finished run of a recipe made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlops.catalog import Catalog, near
from mlops.errors import ArtifactDamaged, ProjectError
from mlops.formats.bundle import Bundle
from mlops.project import Project
from mlops.run_history import list_runs
from mlops.run_reading import Run
from mlops.store import Store
from mlops.store.manifest import MANIFEST, Manifest, digest_of, hash_file, plain_file, survey

__all__ = ["Found", "find_bundle"]

_FILES = ("model.onnx", "signature.json")
_DIGEST_LENGTH = 64


@dataclass(frozen=True)
class Found:
    """A bundle whose files are those it was made with, and where it comes from."""

    bundle: Bundle
    origin: str


def find_bundle(project: Project, model: str) -> Found:
    """Find the bundle that ``model`` means; its digests are verified where there is a manifest.

    Raises:
        ProjectError: there is no such folder, recipe or run, or it has no bundle.
        ArtifactDamaged: files are not those of the manifest.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        _refuse_other_folders(folder)
        _verify(folder)
        return Found(Bundle(folder), f"the folder {model}")
    recipes = Catalog(project).recipes()
    if model not in recipes:
        hint = near(model, recipes, what="recipes are")
        raise ProjectError(f"there is no bundle in a folder {model!r} and no recipe {model!r}", fix=hint)
    run, digest = _last(project, model)
    store = Store(project.state / "store")
    store.check(digest, full=True)
    return Found(Bundle(store.path(digest)), f"run {run.id} of {model}")


def _refuse_other_folders(folder: Path) -> None:
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if missing:
        raise ProjectError(
            f"the folder {folder} is no bundle: it has no {' and no '.join(missing)}",
            fix="name the folder that the bundle stage made, or a recipe",
        )


def _last(project: Project, recipe: str) -> tuple[Run, str]:
    """The newest finished run of a recipe, and the digest of its bundle."""
    runs = list_runs(project.state / "runs", recipe=recipe)
    done = next((run for run in runs if run.status == "done"), None)
    if done is None:
        last = f"; the last one, {runs[0].id}, is {runs[0].status}" if runs else ""
        raise ProjectError(f"no run of {recipe} is done{last}", fix=f"mlops run recipe={recipe}")
    outputs = [output for step in done.steps for output in (step.get("outputs") or {}).values()]
    digests = [output["digest"] for output in outputs if output.get("format") == Bundle.format and output.get("digest")]
    if not digests:
        raise ProjectError(
            f"run {done.id} of {recipe} made no bundle",
            fix="run the recipe with the stage bundle among its stages, or name a bundle's folder",
        )
    return done, digests[-1]


def _verify(folder: Path) -> None:
    """Compare the files with the manifest, where there is one; a store's folder is called by its manifest's digest."""
    if not (folder / MANIFEST).is_file():
        return
    with plain_file(folder / MANIFEST) as file:
        data = file.readall()
    name = folder.resolve().name
    named = len(name) == _DIGEST_LENGTH and set(name) <= set("0123456789abcdef")
    if named and digest_of(data) != name:
        raise _damaged(folder, MANIFEST)
    try:
        files = Manifest.from_bytes(data).files
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise _damaged(folder, MANIFEST) from exc
    for other in sorted((files.keys() | survey(folder).keys()) - {MANIFEST}):
        if other not in files or _digest(folder / other) != files[other].digest:
            raise _damaged(folder, other)


def _digest(path: Path) -> str:
    try:
        with plain_file(path) as file:
            return hash_file(file)
    except OSError:
        return ""


def _damaged(folder: Path, name: str) -> ArtifactDamaged:
    return ArtifactDamaged(
        f"the bundle is damaged: {name!r} is not as it was made",
        where=str(folder),
        fix="copy the bundle again, or run the recipe that makes it",
    )
