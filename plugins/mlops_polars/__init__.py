"""Stages for tables on Polars: read (`data`), judge by a contract (`validate`) and divide (`split`)."""
