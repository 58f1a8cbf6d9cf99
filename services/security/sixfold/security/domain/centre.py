"""What the ledger of the centre adds up to."""

from dataclasses import dataclass, field, replace

from sixfold.security.domain.events import IncidentEvent
from sixfold.security.domain.incidents import Incidents, evolve


@dataclass(frozen=True, slots=True)
class Centre:
    incidents: Incidents = field(default_factory=Incidents)


CentreEvent = IncidentEvent


def evolve_centre(centre: Centre, event: CentreEvent) -> Centre:
    return replace(centre, incidents=evolve(centre.incidents, event))
