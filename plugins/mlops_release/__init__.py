"""The way of a model to its users: gates, register, deploy."""
