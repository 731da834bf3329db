"""The way from versions of data to artifacts, registered models and deployments."""

from mlops.ancestry.model import Lineage, Node
from mlops.ancestry.tracing import trace

__all__ = ["Lineage", "Node", "trace"]
