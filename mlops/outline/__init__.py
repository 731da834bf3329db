"""A recipe as one state of the project has it: values with places, stages with links and ingredients."""

from mlops.outline.model import Outline, StageOutline
from mlops.outline.reading import outline_at, outline_of

__all__ = ["Outline", "StageOutline", "outline_at", "outline_of"]
