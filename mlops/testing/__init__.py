"""Contract suites and fakes for first-party and third-party plugins alike."""

from mlops.testing.context import make_context

__all__ = ["make_context"]
