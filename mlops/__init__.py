"""One YAML recipe for the whole life of a model."""

__all__ = ["__version__"]

__version__ = "0.1.0"
