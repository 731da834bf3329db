"""What ships: one ONNX graph of features and model, and the proof that it predicts the same."""
