"""A bundle → a Bento: the context that BentoML builds from, the build itself, and what is made the same each time."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from packaging.requirements import Requirement

from mlops.errors import StageError
from mlops.formats.package import Package

if TYPE_CHECKING:
    from mlops import formats
    from mlops.stage import Context
    from mlops_serve.bento import Bento

__all__ = ["locked", "pack"]

NEEDED = ("bentoml", "numpy", "onnxruntime", "polars")
"""What the service needs beside this project's own code."""

_OURS = ("mlops", "mlops_serve")
_SERVED = "mlops_serve.bento_service"
_EPOCH = "1970-01-01T00:00:00+00:00"
_TAG_LENGTH = 16

_SERVICE = '''"""Serves the bundle in this Bento: POST /predict, GET /schema and the rest of the model's own routes."""

from pathlib import Path

import bentoml
from mlops_serve.bento_service import application

HERE = Path(__file__).parent


@bentoml.asgi_app(application(HERE / "bundle"), path="/")
@bentoml.service(name={name}, workers={workers}, traffic={{"timeout": 30}}, metrics={{"enabled": False}})
class Model:
    """The model, behind its own application."""
'''


def pack(options: Bento, bundle: formats.Bundle, *, context: Context) -> Package:
    """Build a Bento of a bundle in a process of its own.

    Raises:
        StageError: BentoML refused; its words are given.
    """
    digest = context.digests.get("bundle") or _digest(bundle)
    tag = digest[:_TAG_LENGTH]
    source, home = context.folder / "source", context.folder / "home"
    _lay_out(options, bundle, source, tag=tag)
    _build(source, home)
    folder = context.output("package")
    shutil.copytree(home / "bentos" / options.name / tag, folder / "content")
    _steady(folder / "content")
    shutil.rmtree(source)
    shutil.rmtree(home)
    facts = {
        "kind": "bento",
        "name": options.name,
        "tag": f"{options.name}:{tag}",
        "digest": digest,
        "serve": "bentoml serve FOLDER/content",
        "requirements": [f"{name}=={version(name)}" for name in NEEDED],
    }
    return Package.create(folder, facts)


def _digest(bundle: formats.Bundle) -> str:
    import hashlib

    return hashlib.sha256(bundle.graph + json.dumps(bundle.signature, sort_keys=True).encode()).hexdigest()


def _lay_out(options: Bento, bundle: formats.Bundle, source: Path, *, tag: str) -> None:
    """Lay out what goes into the Bento: the service, the bundle, and our own code as it is here."""
    shutil.copytree(bundle.folder, source / "bundle")
    for path in (source / "bundle").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    for path, place in _sources():
        (source / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, source / place)
    (source / "service.py").write_text(_SERVICE.format(name=repr(options.name), workers=options.workers))
    build = {
        "service": "service:Model",
        "name": options.name,
        "version": tag,
        "include": ["*"],
        "python": {"packages": locked(NEEDED), "lock_packages": False},
        "docker": {"python_version": options.python},
        "labels": {"digest": tag},
    }
    (source / "build.json").write_text(json.dumps(build))


def _home(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None  # noqa: S101 - we are in it
    assert spec.submodule_search_locations is not None  # noqa: S101 - both are packages
    return Path(next(iter(spec.submodule_search_locations)))


def _sources() -> Iterator[tuple[Path, Path]]:
    """Find our modules that the service needs, and their pages: the file, and where it goes."""
    homes = {package: _home(package) for package in _OURS}
    found: dict[str, Path] = {}
    pending = [_SERVED]
    while pending:
        name = pending.pop()
        path = _file(name, homes)
        if name not in found and path is not None:
            found[name] = path
            pending += [name.rpartition(".")[0], *_imported(path)]
    pages = homes["mlops_serve"].glob("*.html")
    for path in sorted([*found.values(), *pages]):
        package = next(package for package, home in homes.items() if path.is_relative_to(home))
        yield path, Path(package) / path.relative_to(homes[package])


def _file(name: str, homes: Mapping[str, Path]) -> Path | None:
    """Find a module of ours; None for whatever else a name may mean."""
    package, *inside = name.split(".")
    if package not in homes:
        return None
    path = homes[package].joinpath(*inside)
    return (
        path / "__init__.py"
        if path.is_dir()
        else path.with_suffix(".py")
        if path.with_suffix(".py").is_file()
        else None
    )


def _imported(path: Path) -> Iterator[str]:
    """Name all that a module imports, at its top or later; what is taken from a package may be a module, too."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def locked(names: tuple[str, ...]) -> list[str]:
    """Lock distributions and all that they need to the versions installed here, in order of name."""
    found: dict[str, str] = {}
    pending = list(names)
    while pending:
        name = pending.pop().lower().replace("_", "-")
        if name in found:
            continue
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue  # needed only where it is needed: another system, an older Python
        needs = [Requirement(text) for text in requires(name) or ()]
        pending += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return [f"{name}=={found[name].partition('+')[0]}" for name in sorted(found)]


_BUILD = """
import json, sys
from pathlib import Path
source = Path(sys.argv[1])
told = json.loads((source / "build.json").read_text())
(source / "build.json").unlink()
import bentoml
service = told.pop("service")
bentoml.build(service, build_ctx=str(source), **told)
"""


def _build(source: Path, home: Path) -> None:
    """Let BentoML build in its own process: it imports the service, and keeps its state under a folder of ours."""
    settings = {
        "BENTOML_HOME": str(home),
        "BENTOML_DO_NOT_TRACK": "True",
        "PYTHONPATH": str(source),
        "PYTHONDONTWRITEBYTECODE": "1",
        "UV_OFFLINE": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    command = [sys.executable, "-c", _BUILD, str(source)]
    done = subprocess.run(  # noqa: S603 - our own program
        command, env={**os.environ, **settings}, capture_output=True, text=True, check=False, cwd=source
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise StageError(f"BentoML could not build: {last[0] if last else 'it said nothing'}")


def _steady(content: Path) -> None:
    """Take out of a Bento what differs from build to build."""
    path = content / "bento.yaml"
    facts: Mapping[str, Any] = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**facts, "creation_time": _EPOCH}, sort_keys=False))
    for unwanted in (*content.rglob("__pycache__"), content / "src" / "build.json"):
        if unwanted.is_dir():
            shutil.rmtree(unwanted)
        else:
            unwanted.unlink(missing_ok=True)
