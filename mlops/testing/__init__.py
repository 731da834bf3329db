"""Contract suites and fakes for first-party and third-party plugins alike.

`EstimatorContract` lives in `mlops.testing.estimator`, which needs pytest.
"""

from mlops.testing.context import make_context
from mlops.testing.stage import StageContract

__all__ = ["StageContract", "make_context"]
