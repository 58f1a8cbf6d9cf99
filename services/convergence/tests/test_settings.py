"""Settings: what is refused when the centre is configured."""

from typing import Any

import pytest
from pydantic import ValidationError

from sixfold.convergence.config import ConvergenceSettings
from sixfold.convergence.domain.classify import Classifier


def test_the_defaults_compile() -> None:
    chosen = ConvergenceSettings()
    Classifier(chosen.networks, chosen.class_rules)


@pytest.mark.parametrize(
    "changes",
    [
        {"partitions": ()},
        {"broadcast": {"prefixes": ["224.0.0.1/4"]}},
        {"telecom": {"ports": ["sctp/5060"]}},
        {"telecom": {"ports": ["udp/5061-5060"]}},
        {"telecom": {"interfaces": ["192.0.2.1"]}},
        {"telecom": {"interfaces": ["192.0.2.0/24#7"]}},
        {"classes": [["voice", ["udp/5060"]]]},
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ConvergenceSettings.model_validate(changes)
