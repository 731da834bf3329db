"""Manifests that deploy a model to Kubernetes."""
