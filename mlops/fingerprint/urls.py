"""Digests of remote files from what their backend tells about them, without reading them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from mlops.errors import ProjectError
from mlops.fingerprint.files import bytes_digest, combined

if TYPE_CHECKING:
    from urllib.request import Request

__all__ = ["url_digest", "without_secrets"]

_CONTENT = (
    "etag",
    "contentmd5",
    "md5",
    "md5hash",
    "sha256",
    "crc32c",
    "contenthash",
    "digest",
    "checksum",
    "generation",
)
"""Facts that change with the bytes; any of them is enough."""

_DATES = ("lastmodified", "mtime", "modified", "updated", "created")
"""Facts that count, with the size, where no fact about the content is told."""

_PATIENCE_S = 30.0


def url_digest(url: str) -> str:
    """Digest what a backend tells about a file, a folder or a glob of files.

    Raises:
        ProjectError: it is not there, cannot be asked, or its backend cannot tell when it changes.
    """
    shown = without_secrets(url)
    told = _http_facts(url) if url.startswith(("http://", "https://")) else _fsspec_facts(url)
    if not told:
        raise ProjectError(f"there is no file {shown!r}", fix="correct the URL")
    digests = {name: bytes_digest(_telling(info, shown).encode()) for name, info in told.items()}
    return next(iter(digests.values())) if len(digests) == 1 else combined(digests.items())


def without_secrets(url: str) -> str:
    """Show a URL without user, password and query, which may be secret."""
    return re.sub(r"\?.*", "?…", re.sub(r"://[^/@]*@", "://…@", url))


def _telling(info: Mapping[str, Any], shown: str) -> str:
    """Pick the facts that change when the bytes do."""
    facts = {
        re.sub(r"[^a-z0-9]", "", str(key).lower()): value for key, value in info.items() if value not in (None, "")
    }
    chosen = {key: str(facts[key]) for key in _CONTENT if key in facts}
    if not chosen:
        chosen = {key: str(facts[key]) for key in _DATES if key in facts}
        chosen |= {"size": str(facts.get("size"))} if chosen else {}
    if not chosen:
        raise ProjectError(
            f"{shown}: its server tells neither a checksum nor a date, so a change could not be noticed",
            fix="copy the file into the project, or put it on a store that gives an ETag",
        )
    return json.dumps(chosen, sort_keys=True)


def _http_facts(url: str) -> dict[str, Mapping[str, Any]]:
    """Ask a web server with HEAD; the standard library does, so no extra is needed."""
    from urllib.error import HTTPError
    from urllib.request import urlopen

    try:
        with urlopen(_head_of(url), timeout=_PATIENCE_S) as answer:  # noqa: S310 - http(s) only, see url_digest
            headers = dict(answer.headers.items())
    except HTTPError as exc:
        exc.close()
        raise ProjectError(f"{without_secrets(url)} cannot be reached: {_reason(exc, url)}") from None
    except (OSError, ValueError) as exc:
        raise ProjectError(f"{without_secrets(url)} cannot be reached: {_reason(exc, url)}") from None
    return {url: headers | {"size": headers.get("Content-Length")}}


def _head_of(url: str) -> Request:
    """Ask for the headers only, with user and password where a server looks for them."""
    from base64 import b64encode
    from urllib.request import Request

    parts = urlsplit(url)
    plain = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    request = Request(plain, method="HEAD", headers={"Accept-Encoding": "identity"})  # noqa: S310 - http(s) only
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.add_unredirected_header("Authorization", f"Basic {b64encode(pair.encode()).decode()}")
    return request


def _fsspec_facts(url: str) -> dict[str, Mapping[str, Any]]:
    """Ask any other store through fsspec; names are relative to the store."""
    from fsspec.core import url_to_fs

    try:
        store, path = url_to_fs(url)
        store.invalidate_cache()
        if any(sign in path for sign in "*?["):
            return {str(name): info for name, info in store.glob(path, detail=True).items() if info["type"] == "file"}
        info = store.info(path)
        return store.find(path, detail=True) if info["type"] == "directory" else {path: info}
    except FileNotFoundError:
        return {}
    except ImportError as exc:
        raise ProjectError(f"{without_secrets(url)}: {exc}", fix=f"pip install {_library_of(url)}") from None
    except Exception as exc:  # noqa: BLE001 - each store raises errors of its own kind
        raise ProjectError(
            f"{without_secrets(url)} cannot be reached: {_reason(exc, url)}", fix=_scheme_fix(url)
        ) from None


def _reason(exc: Exception, url: str) -> str:
    """Tell an error without repeating what may be secret in a URL."""
    parts = urlsplit(url)
    told = f"{type(exc).__name__}: {str(exc).replace(url, without_secrets(url))}"
    for secret in (parts.query, parts.password, parts.username):
        told = told.replace(secret, "…") if secret else told
    return told


def _library_of(url: str) -> str:
    from fsspec.registry import known_implementations

    implementation = known_implementations.get(url.partition("://")[0], {"class": "fsspec"})
    return str(implementation["class"]).partition(".")[0]


def _scheme_fix(url: str) -> str:
    from fsspec.registry import known_implementations

    scheme = url.partition("://")[0]
    near = [] if scheme in known_implementations else get_close_matches(scheme, known_implementations, n=1)
    return f"did you mean {near[0]}://?" if near else "check the URL and the credentials"
