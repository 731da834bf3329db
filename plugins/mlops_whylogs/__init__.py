"""Profiles of data by whylogs, and what has drifted between two of them."""
