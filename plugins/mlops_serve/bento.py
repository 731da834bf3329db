"""The stage that packs a bundle for BentoML."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from mlops import formats
from mlops.errors import MissingExtra
from mlops.stage import Context, Stage

__all__ = ["Bento"]


class Bento(Stage):
    """Pack the bundle, a generic service and locked requirements into a Bento that plain ``bentoml serve`` takes.

    Nothing is fetched: requirements are locked to what is installed here. The Dockerfile and its context are
    written out; building the image is left to whoever has a container engine.
    """

    libraries: ClassVar[tuple[str, ...]] = ("bentoml", "onnxruntime", "polars", "numpy")
    extra: ClassVar[str] = "bento"

    name: Annotated[str, Field(max_length=63, pattern=r"^[a-z0-9]+([-_]+[a-z0-9]+)*$")]
    """Name of the Bento; its tag adds the beginning of the bundle's digest."""

    python: Annotated[str, Field(pattern=r"^3\.\d+$")] = "3.11"
    """Python inside the image."""

    workers: Annotated[int, Field(ge=1, le=256)] = 1
    """Processes that serve."""

    def run(self, bundle: formats.Bundle, *, context: Context) -> formats.Package:
        """Build the Bento."""
        try:
            from mlops_serve.bento_packing import pack
        except ModuleNotFoundError as exc:
            raise MissingExtra(exc.name or "bentoml", extra=self.extra) from exc
        return pack(self, bundle, context=context)
