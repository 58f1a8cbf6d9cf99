"""What the commands have in common: which platform is meant, and how a line is said."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

HomeOption = Annotated[
    Path, typer.Option("--home", help="The folder of the platform: its state, keys and logs.")
]


def say(text: str) -> None:
    """One line, as it is: neither wrapped nor coloured."""
    Console().print(text, highlight=False, soft_wrap=True, markup=False)
