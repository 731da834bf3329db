"""The reference of every key of a recipe, generated from the models: ``python -m mlops.reference docs/reference``."""

from __future__ import annotations

from mlops.reference.pages import pages, write_pages

__all__ = ["pages", "write_pages"]
