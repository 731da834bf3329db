"""JSON Schema of recipes, for editors: completion, hover text and red lines under mistakes."""

from __future__ import annotations

from mlops.schema.comments import opening
from mlops.schema.document import recipe_schema, schema_text
from mlops.schema.targets import Targets

__all__ = ["Targets", "opening", "recipe_schema", "schema_text"]
