"""``python -m mlops.reference FOLDER``: write the reference, and remove pages of what is gone."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mlops.errors import MlopsError
from mlops.reference.pages import write_pages


def main() -> int:
    """Write the pages.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="python -m mlops.reference", description="Write the reference of all keys.")
    parser.add_argument("folder", type=Path, help="where to write, such as docs/reference")
    given = parser.parse_args()
    try:
        written = write_pages(given.folder)
    except MlopsError as exc:
        sys.stderr.write(f"error: {exc}\n")
        return exc.exit_code
    sys.stdout.write(f"wrote {len(written)} pages to {given.folder}\n")
    return 0


sys.exit(main())
