"""Bring a version to a local deployment: prove it, declare it, and wait until it is served."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from mlops.durable import make_folder
from mlops.errors import MissingExtra, MlopsError, ProjectError
from mlops.formats.bundle import Bundle
from mlops.services.pins import pin
from mlops.services.registry import ModelVersion
from mlops.services.target import Deployed, Served, Strategy, remember
from mlops.stage import Place
from mlops_serve.declaration import Declaration, Rollout
from mlops_serve.ending import end
from mlops_serve.home import Home
from mlops_serve.keys import fits, kept
from mlops_serve.loaded import folder_of_bundle, load, same_signature
from mlops_serve.reporting import status
from mlops_serve.rolling import begin
from mlops_serve.settings import Settings, seconds
from mlops_serve.starting import await_applied, start
from mlops_serve.strategies import Canary, Direct, Shadow

if TYPE_CHECKING:
    from mlops_serve.local import Local

__all__ = ["release"]

_NEEDED = ("uvicorn", "uvloop", "httptools")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", re.ASCII)


def release(target: Local, name: str, *, version: ModelVersion, strategy: Strategy, place: Place) -> Deployed:
    """Bring a version to a deployment."""
    _require_sense(name, strategy)
    _require_libraries()
    served = _served(version, place)
    _prove(served, place)
    home = Home.of(name, place)
    make_folder(home.folder)
    with home.changing():
        before = home.read()
        _require_same_signature(before, served, strategy, place)
        after = _declared(target, home, before=before, served=served, strategy=strategy)
        if after is not None:
            pin(place.state, f"deployment/{name}", {item.digest for item in (*after.served, *after.led)})
            _bring(home, before, after)
            remember(name, target, place)
    return status(name, place)


def _require_sense(name: str, strategy: Strategy) -> None:
    if not _NAME.fullmatch(name):
        raise ProjectError(f"{name!r} is no name for a deployment", fix="use letters, digits, '-', '_' and '.'")
    if not isinstance(strategy, Direct | Canary | Shadow):
        raise ProjectError(
            f"the target local does not know the strategy {type(strategy).__name__}",
            fix="choose mlops_serve.strategies.Direct, Canary or Shadow",
        )


def _require_libraries() -> None:
    for library in _NEEDED:
        if find_spec(library) is None:
            raise MissingExtra(library, extra="serve")


def _served(version: ModelVersion, place: Place) -> Served:
    folder, state = version.folder.resolve(), place.state.resolve()
    bundle = folder.relative_to(state).as_posix() if folder.is_relative_to(state) else str(folder)
    return Served(model=version.model, version=version.version, digest=version.digest, bundle=bundle)


def _prove(served: Served, place: Place) -> None:
    """See that the version is what it is called, and can predict, before anybody is sent to it."""
    try:
        load(served, place.state)
    except MlopsError as exc:
        raise ProjectError(
            f"version {served.version} of {served.model} cannot be deployed: {exc.what}",
            where=exc.where or served.bundle,
            fix=exc.fix or "make the bundle again",
        ) from exc


def _require_same_signature(before: Declaration | None, served: Served, strategy: Strategy, place: Place) -> None:
    leading = before.leading if before else None
    if leading is None or leading.digest == served.digest or getattr(strategy, "other_signature", False):
        return
    new, old = (Bundle(folder_of_bundle(item.bundle, place.state)) for item in (served, leading))
    if not (old.folder / "signature.json").is_file():
        return
    if difference := same_signature(new.signature, old.signature):
        raise ProjectError(
            f"version {served.version} has another signature than version {leading.version}, now serving: {difference}",
            where=str(new.folder),
            fix="give it a deployment of its own (deployment=NAME), or let it replace the other at once: "
            "strategy=direct strategy.other_signature=true",
        )


def _declared(
    target: Local, home: Home, *, before: Declaration | None, served: Served, strategy: Strategy
) -> Declaration | None:
    """Make the next revision; None when nothing is to be changed."""
    settings, address = _settings(target, before), _address(target)
    first = f"version {served.version} has taken all requests"
    if before is None:
        empty = Declaration(home.name, 0, "steady", (), settings, address)
        return empty.given_all(served, first)
    told = replace(before, settings=settings, address=address)
    moved = (settings, address) != (dict(before.settings), dict(before.address))
    is_running = home.is_running() and before.phase != "stopped"
    leading = before.leading
    if leading is not None and leading.digest == served.digest and before.rollout is None:
        if is_running and not moved:
            return None
        return told.given_all(leading, "started again" if not is_running else "started again with other keys")
    tried = before.tried
    if is_running and tried is not None and tried.digest == served.digest:
        return None if not moved else told.changed("started again with other keys")
    if not is_running or leading is None or isinstance(strategy, Direct) or leading.digest == served.digest:
        return told.given_all(served, first)
    return _rolling(told, served, leading, strategy)


def _rolling(told: Declaration, served: Served, leading: Served, strategy: Strategy) -> Declaration:
    shadow = isinstance(strategy, Shadow)
    terms = strategy.model_dump(mode="json")
    rollout = Rollout("shadow" if shadow else "canary", terms, served.digest, step=0, began=time.time())
    both = (replace(served, share=0.0, shadow=shadow), replace(leading, share=1.0))
    return begin(replace(told, served=both, rollout=rollout), at=time.time())


def _address(target: Local) -> dict[str, object]:
    return {"host": target.host, "port": target.port, "workers": target.workers}


def _settings(target: Local, before: Declaration | None) -> dict[str, object]:
    given = target.api_key.get_secret_value() if target.api_key else ""
    known = str(before.settings.get("key", "")) if before else ""
    # A key that was not given again stays: whoever forgets it must not open the deployment to everybody.
    key = known if known and (not given or fits(given.encode(), known)) else kept(given)
    return Settings(
        limits=target.limits,
        key=key,
        log=target.log,
        route_by=target.route_by or "",
        extra_columns=target.extra_columns,
        threads=target.threads,
        drain_seconds=seconds(target.drain),
        sync_seconds=seconds(target.log_sync),
    ).to_json()


def _bring(home: Home, before: Declaration | None, after: Declaration) -> None:
    """Let the supervisor come to a declaration; what was before is put back when it cannot."""
    running = home.is_running()
    ended = before is not None and running and _must_restart(before, after)
    if before is not None and ended:
        end(home, before)
        running = False
    home.write(after)
    try:
        if running:
            await_applied(home, after.revision)
        else:
            start(home, after)
    except ProjectError:
        _put_back(home, before, after)
        if ended and before is not None:
            start(home, home.read() or before)
        raise


def _must_restart(before: Declaration, after: Declaration) -> bool:
    told = (dict(before.settings), dict(before.address)) != (dict(after.settings), dict(after.address))
    return told or before.phase == "stopped"


def _put_back(home: Home, before: Declaration | None, after: Declaration) -> None:
    if before is None:
        end(home, after)
        home.declared.unlink(missing_ok=True)
        pin(home.state, f"deployment/{home.name}", ())
        return
    kept_as = {"served": before.served, "led": before.led, "rollout": before.rollout, "phase": before.phase}
    told = {"settings": before.settings, "address": before.address}
    home.write(after.changed("the version could not be served; nothing was changed", **kept_as, **told))
