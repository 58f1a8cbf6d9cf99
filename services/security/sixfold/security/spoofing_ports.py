"""What the watch over forged sources needs from outside."""

from typing import Protocol


class Holders(Protocol):
    async def terminal(self, address: str) -> str | None:
        """Pseudonym of the terminal that holds an address now; None where none does, or nobody says."""
        ...


class SpoofingMeter(Protocol):
    def reported(self, gateway: str, packets: int) -> None: ...

    def looked_up(self, outcome: str) -> None: ...
