"""The gateways as the overview shows them."""

from sixfold.console.adapters.centres import Answer


async def ask_gateways(centres):
    return Answer("credit", [])


def losses_of(rows):
    return {}
