"""What is raised for parameters that no rule can have."""


class AddressingError(ValueError):
    """A prefix, a port set or a rule that cannot be. `field` names the parameter."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail
