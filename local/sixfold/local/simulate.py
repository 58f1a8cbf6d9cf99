"""`sixfold simulate`: hands its arguments to the agent's simulator."""

from collections.abc import Sequence


def simulate_traffic(arguments: Sequence[str]) -> int:
    raise NotImplementedError(arguments)
