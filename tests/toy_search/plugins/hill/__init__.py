"""Stages that measure something at once, for tests of searches."""
