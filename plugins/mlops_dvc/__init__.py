"""Versions of data files, kept by DVC."""
