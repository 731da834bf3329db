"""Manifests as YAML: plain values in, written by a YAML library, so that no name can inject anything."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import yaml

from mlops.services.target import Served

if TYPE_CHECKING:
    from mlops_kubernetes.target import Kubernetes

__all__ = ["render", "route"]

_USER = 1034
"""Number of the unprivileged user in BentoML's images."""


def render(
    options: Kubernetes, name: str, served: Served, *, former: Served | None, steps: Sequence[float]
) -> dict[str, str]:
    """Give file name → text: the version's own objects, the first route, and one route for each further step."""
    version = f"{name}-v{served.version}"
    files = {
        f"v{served.version}.yaml": _documents(
            _deployment(options, name, served), _service(options, version), _autoscaler(options, version)
        )
    }
    weights = [_weights(served, former, step) for step in (steps if former else (1.0,))]
    files["route.yaml"] = route(options, name, weights[0])
    for number, weight in enumerate(weights[1:], 2):
        files[f"steps/{number:02d}-route.yaml"] = route(options, name, weight)
    return files


def _weights(served: Served, former: Served | None, share: float) -> list[tuple[Served, int]]:
    new = round(share * 100)
    return [(served, 100)] if former is None else [(former, 100 - new), (served, new)]


def route(options: Kubernetes, name: str, weights: Sequence[tuple[Served, int]]) -> str:
    """Write an HTTPRoute that divides requests among versions by weights that add up to 100."""
    backends = [{"name": f"{name}-v{served.version}", "port": 80, "weight": weight} for served, weight in weights]
    spec: dict[str, Any] = {"parentRefs": [{"name": options.gateway}]}
    if options.hostnames:
        spec["hostnames"] = list(options.hostnames)
    matches = [{"path": {"type": "PathPrefix", "value": "/"}}]
    spec["rules"] = [{"matches": matches, "backendRefs": backends}]
    return _documents(_object("gateway.networking.k8s.io/v1", "HTTPRoute", options, name, spec))


def _object(version: str, kind: str, options: Kubernetes, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    labels = {"app.kubernetes.io/managed-by": "mlops", "app.kubernetes.io/name": name}
    metadata = {"name": name, "namespace": options.namespace, "labels": labels}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": dict(spec)}


def _deployment(options: Kubernetes, name: str, served: Served) -> dict[str, Any]:
    version = f"{name}-v{served.version}"
    labels = {"app": version, "mlops/model": served.model, "mlops/version": str(served.version)}
    pod = {
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationGracePeriodSeconds": 30,
        "containers": [_container(options, served)],
    }
    spec = {
        "replicas": options.autoscaling.min,
        "selector": {"matchLabels": {"app": version}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": {"metadata": {"labels": labels, "annotations": {"mlops/digest": served.digest}}, "spec": pod},
    }
    return _object("apps/v1", "Deployment", options, version, spec)


def _container(options: Kubernetes, served: Served) -> dict[str, Any]:
    limits = {"memory": options.memory}
    container: dict[str, Any] = {
        "name": "model",
        "image": f"{options.image}:{served.version}",
        "ports": [{"name": "http", "containerPort": options.port}],
        "resources": {"requests": {"cpu": options.cpu, "memory": options.memory}, "limits": limits},
        "livenessProbe": _probe("/livez", period=10),
        "readinessProbe": _probe("/readyz", period=5),
        "startupProbe": {**_probe("/readyz", period=2), "failureThreshold": 60},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    settings: list[dict[str, Any]] = []
    if options.api_key_secret:
        reference = {"secretKeyRef": {"name": options.api_key_secret, "key": "api-key"}}
        settings.append({"name": "MLOPS_API_KEY", "valueFrom": reference})
    if options.extra_columns:
        settings.append({"name": "MLOPS_EXTRA_COLUMNS", "value": json.dumps(options.extra_columns)})
    return {**container, "env": settings} if settings else container


def _probe(path: str, *, period: int) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": "http"}, "periodSeconds": period, "timeoutSeconds": 2}


def _service(options: Kubernetes, version: str) -> dict[str, Any]:
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    return _object("v1", "Service", options, version, {"selector": {"app": version}, "ports": ports})


def _autoscaler(options: Kubernetes, version: str) -> dict[str, Any]:
    target = {"type": "Utilization", "averageUtilization": options.autoscaling.cpu}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": version},
        "minReplicas": options.autoscaling.min,
        "maxReplicas": max(options.autoscaling.min, options.autoscaling.max),
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }
    return _object("autoscaling/v2", "HorizontalPodAutoscaler", options, version, spec)


def _documents(*documents: Mapping[str, Any]) -> str:
    return yaml.safe_dump_all([dict(item) for item in documents], sort_keys=False, allow_unicode=True)
