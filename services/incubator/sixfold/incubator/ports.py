"""What goes through the public door besides answers: one error, with the fields of CAMARA's ErrorInfo."""

from dataclasses import dataclass, field


@dataclass
class ApiError(Exception):
    """`status` is the HTTP status, `code` the stable word, `message` a sentence for people."""

    status: int
    code: str
    message: str
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.status} {self.code}: {self.message}"
