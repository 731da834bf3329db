"""Networks: each layer knows how to compute in torch, and how to write the same into an ONNX graph."""
