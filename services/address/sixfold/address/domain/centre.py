"""What one ledger of the centre adds up to: delegations, and the translation rules over shared IPv4."""

from dataclasses import dataclass, field

from sixfold.address.domain.book import Book, evolve
from sixfold.address.domain.events import Event
from sixfold.address.domain.translation.book import TranslationBook, evolve_translation
from sixfold.address.domain.translation.events import (
    TranslationEvent,
    TranslationRuleEnded,
    TranslationRulePut,
)


@dataclass(slots=True)
class Centre:
    book: Book = field(default_factory=Book)
    translations: TranslationBook = field(default_factory=TranslationBook)


CentreEvent = Event | TranslationEvent


def evolve_centre(centre: Centre, event: CentreEvent) -> Centre:
    """Changes the centre in place; only the ledger calls it."""
    if isinstance(event, TranslationRulePut | TranslationRuleEnded):
        evolve_translation(centre.translations, event)
    else:
        evolve(centre.book, event)
    return centre
