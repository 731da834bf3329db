"""MLflow's pages over a project's database, in one process that leaves no other behind.

python -m mlops_mlflow.ui STATE PORT
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

from mlops.errors import MlopsError
from mlops_mlflow.database import artifacts_of, prepared

__all__ = ["main"]

_HOST = "127.0.0.1"


def main() -> None:
    """Serve until the process is ended."""
    state, port = Path(sys.argv[1]), int(sys.argv[2])
    uri = prepared(state)
    # What `mlflow server` hands to its workers; here the only worker is this process.
    os.environ |= {
        "_MLFLOW_SERVER_FILE_STORE": uri,
        "_MLFLOW_SERVER_REGISTRY_STORE": uri,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": str(artifacts_of(state)),
        "_MLFLOW_SGI_NAME": "uvicorn",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    warnings.filterwarnings("ignore", message="starlette.middleware.wsgi is deprecated")  # MLflow's, not ours
    import uvicorn

    uvicorn.run("mlflow.server.fastapi_app:app", host=_HOST, port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    try:
        main()
    except MlopsError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(0)
