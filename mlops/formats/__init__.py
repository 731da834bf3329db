"""The artifact vocabulary: what may pass between stages, one file a format."""

from mlops.formats.artifact import Artifact
from mlops.formats.bundle import Bundle
from mlops.formats.deployment import Deployment
from mlops.formats.evaluation import Evaluation
from mlops.formats.features import Features, Prepared
from mlops.formats.model import Model
from mlops.formats.package import Package
from mlops.formats.parity import Parity
from mlops.formats.profile import Profile
from mlops.formats.registration import Registration
from mlops.formats.snapshot import Snapshot
from mlops.formats.splits import Splits
from mlops.formats.table import Roles, Table
from mlops.formats.validation import Validation
from mlops.formats.verdict import Verdict

__all__ = [
    "Artifact",
    "Bundle",
    "Deployment",
    "Evaluation",
    "Features",
    "Model",
    "Package",
    "Parity",
    "Prepared",
    "Profile",
    "Registration",
    "Roles",
    "Snapshot",
    "Splits",
    "Table",
    "Validation",
    "Verdict",
]
