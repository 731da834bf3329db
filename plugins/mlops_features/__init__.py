"""Features for tables: fitted on the train part, applied with Polars, shipped as ONNX."""
