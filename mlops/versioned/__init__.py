"""Outside data and its versions: where a source's bytes are, what runs read, and how two tables differ."""

from mlops.versioned.sources import Measured, Sources

__all__ = ["Measured", "Sources"]
