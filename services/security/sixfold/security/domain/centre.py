"""What the ledger of the centre adds up to."""

from dataclasses import dataclass, field, replace

from sixfold.security.domain.events import IncidentEvent
from sixfold.security.domain.incidents import Incidents, evolve
from sixfold.security.domain.mitigation import state as mitigation
from sixfold.security.domain.mitigation.events import MitigationEvent
from sixfold.security.domain.mitigation.state import Mitigations


@dataclass(frozen=True, slots=True)
class Centre:
    incidents: Incidents = field(default_factory=Incidents)
    mitigations: Mitigations = field(default_factory=Mitigations)


CentreEvent = IncidentEvent | MitigationEvent


def evolve_centre(centre: Centre, event: CentreEvent) -> Centre:
    if isinstance(event, MitigationEvent):
        return replace(centre, mitigations=mitigation.evolve(centre.mitigations, event))
    return replace(centre, incidents=evolve(centre.incidents, event))
