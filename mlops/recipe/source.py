"""Hydra's view of the catalog: a config source that serves guarded files, recipes without headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydra._internal.config_repository import ConfigRepository
from hydra._internal.core_plugins.importlib_resources_config_source import ImportlibResourcesConfigSource
from hydra._internal.core_plugins.structured_config_source import StructuredConfigSource
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.errors import ConfigCompositionException
from hydra.plugins.config_source import ConfigResult, ConfigSource
from omegaconf import OmegaConf

from mlops.catalog import RECIPE, Catalog, Default

__all__ = ["CatalogRepository", "CatalogSource"]


class CatalogSource(ConfigSource):  # type: ignore[misc] # hydra has no type information
    """Serves ``conf/`` and, as the group ``recipe``, ``recipes/``."""

    def __init__(self, catalog: Catalog, *, skip: frozenset[Default] = frozenset(), bodies: bool = True) -> None:
        super().__init__("mlops", "mlops://")
        self._catalog = catalog
        self._skip = skip
        self._bodies = bodies

    def __deepcopy__(self, memo: dict[int, Any]) -> CatalogSource:
        """Files are read once, however often Hydra copies its repository."""
        return self

    @staticmethod
    def scheme() -> str:
        """Hydra's name for this kind of source."""
        return "mlops"

    def available(self) -> bool:
        """It always is: the packaged files are part of the installation."""
        return True

    def is_group(self, config_path: str) -> bool:
        """Tell whether a path is a group."""
        return config_path == "" or bool(self._catalog.options(config_path)) or self._has_subgroup(config_path)

    def _has_subgroup(self, config_path: str) -> bool:
        return any(group.startswith(f"{config_path}/") for group in self._catalog.groups())

    def is_config(self, config_path: str) -> bool:
        """Tell whether a path is a file."""
        return self._catalog.locate(config_path) is not None

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """List a group's choices and subgroups."""
        prefix = f"{config_path}/" if config_path else ""
        groups = [*self._catalog.groups(), *([RECIPE] if not config_path else [])]
        inner = {g.removeprefix(prefix).split("/")[0] for g in groups if g.startswith(prefix) and g != config_path}
        found: set[str] = set()
        if results_filter in (None, ObjectType.GROUP):
            found |= inner
        if results_filter in (None, ObjectType.CONFIG) and config_path:
            found |= set(self._catalog.options(config_path))
        return sorted(found)

    def load_config(self, config_path: str) -> ConfigResult:
        """Serve one file; a recipe belongs at the top of the config, whatever its folder."""
        file = self._catalog.load(config_path)
        if file is None:
            raise ConfigCompositionException(f"there is no config {config_path!r}")
        body = file.root.data() if self._bodies else {}
        body.pop("defaults", None)
        entries = [d for d in self._catalog.defaults(config_path)[0] if d not in self._skip]
        if entries:
            body = {"defaults": [d.text if d.choice is None else {d.text: _choice(d)} for d in entries], **body}
        header: Mapping[str, str | None] = self._get_header_dict(file.text[:2000])
        if header["package"] is None and config_path.startswith(f"{RECIPE}/"):
            header = {**header, "package": "_global_"}
        return ConfigResult("mlops", f"mlops://{file.name}", OmegaConf.create(body), dict(header))


def _choice(entry: Default) -> str | None:
    return None if entry.choice == "null" else entry.choice


class CatalogRepository(ConfigRepository):  # type: ignore[misc] # hydra has no type information
    """The sources Hydra searches: its own, ours, then its schema store."""

    def __init__(self, source: CatalogSource) -> None:
        self._source = source
        self.initialize_sources(ConfigSearchPath)

    def initialize_sources(self, config_search_path: Any) -> None:
        """Set the sources; a recipe cannot add others."""
        del config_search_path
        self.sources = [
            ImportlibResourcesConfigSource("hydra", "pkg://hydra.conf"),
            self._source,
            StructuredConfigSource("schema", "structured://"),
        ]
