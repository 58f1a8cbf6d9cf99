"""Lint the chart with Helm itself, render every variant, validate the manifests offline and strictly."""

import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
from helm_python import chart

CHART = Path(__file__).resolve().parent / "sixfold"
KUBERNETES = "1.31"
WARNING = 2
VARIANTS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "secured": {"tls": {"enabled": True}, "nats": {"servers": ["tls://nats:4222"], "seedSecret": "nkeys"}},
    "replicated": {
        "defaults": {"replicas": 2, "podDisruptionBudget": True},
        "services": {"console": {"enabled": False}, "credit": {"settings": {"loader": {"max_batches": 32}}}},
    },
}


def render(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Every manifest of the chart with `values` over its own."""
    rendered = chart.Chart.load(CHART).render(values, name="sixfold")
    texts = [text for path, text in rendered.items() if path.endswith(".yaml")]
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


def troubles_of(name: str, values: dict[str, Any]) -> list[str]:
    """What Helm's lint and the Kubernetes schemas say against one variant, a line each."""
    report = chart.lint(CHART, values, strict=True)
    troubles = [f"{name}: {m['path']}: {m['error']}" for m in report["messages"] if m["severity"] >= WARNING]
    for manifest in render(values):
        try:
            kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as error:
            troubles.append(f"{name}: {manifest['kind']} {manifest['metadata']['name']}: {error.message}")
    return troubles


def main() -> None:
    troubles = [trouble for name, values in VARIANTS.items() for trouble in troubles_of(name, values)]
    if troubles:
        raise SystemExit("helm chart: " + "\n".join(troubles))
    sys.stdout.write(f"helm chart: lint clean, {len(VARIANTS)} variants valid for Kubernetes {KUBERNETES}\n")


if __name__ == "__main__":
    main()
