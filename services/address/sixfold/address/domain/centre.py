"""What one ledger of the centre adds up to: delegations, translation rules over shared IPv4, translating gateways."""

from dataclasses import dataclass, field

from sixfold.address.domain.book import Book, evolve
from sixfold.address.domain.events import Event
from sixfold.address.domain.gateway_register import (
    GatewayComposed,
    GatewayEvent,
    GatewayPut,
    GatewayRecord,
    GatewayRemoved,
    evolve_gateways,
)
from sixfold.address.domain.translation.book import TranslationBook, evolve_translation
from sixfold.address.domain.translation.events import (
    TranslationEvent,
    TranslationRuleEnded,
    TranslationRulePut,
    TranslationRulesForgotten,
)


@dataclass(slots=True)
class Centre:
    book: Book = field(default_factory=Book)
    translations: TranslationBook = field(default_factory=TranslationBook)
    gateways: dict[str, GatewayRecord] = field(default_factory=dict[str, GatewayRecord])


CentreEvent = Event | TranslationEvent | GatewayEvent


def evolve_centre(centre: Centre, event: CentreEvent) -> Centre:
    """Changes the centre in place; only the ledger calls it."""
    if isinstance(event, TranslationRulePut | TranslationRuleEnded | TranslationRulesForgotten):
        evolve_translation(centre.translations, event)
    elif isinstance(event, GatewayPut | GatewayRemoved | GatewayComposed):
        evolve_gateways(centre.gateways, event)
    else:
        evolve(centre.book, event)
    return centre
