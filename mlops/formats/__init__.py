"""The artifact vocabulary: what may pass between stages, one file a format."""

from mlops.formats.artifact import Artifact
from mlops.formats.bundle import Bundle
from mlops.formats.evaluation import Evaluation
from mlops.formats.features import Features, Prepared
from mlops.formats.model import Model
from mlops.formats.parity import Parity
from mlops.formats.splits import Splits
from mlops.formats.table import Roles, Table
from mlops.formats.validation import Validation

__all__ = [
    "Artifact",
    "Bundle",
    "Evaluation",
    "Features",
    "Model",
    "Parity",
    "Prepared",
    "Roles",
    "Splits",
    "Table",
    "Validation",
]
