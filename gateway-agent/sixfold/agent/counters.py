"""Counters of everything that moves or is lost, by name and labels."""

_MAX_LABEL_SETS = 1024


class Counters:
    """Beyond 1,024 label sets of one name, further label values become `other`."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
        self._sets: dict[str, int] = {}

    def add(self, name: str, n: int = 1, **labels: str) -> None:
        key = (name, tuple(sorted(labels.items())))
        if key not in self._values:
            if self._sets.get(name, 0) >= _MAX_LABEL_SETS:
                key = (name, tuple((label, "other") for label, _ in key[1]))
            if key not in self._values:
                self._sets[name] = self._sets.get(name, 0) + 1
                self._values[key] = 0
        self._values[key] += n

    def snapshot(self) -> dict[str, int]:
        """`name{label="value"}` to count."""
        return {
            name + ("{" + ",".join(f'{k}="{v}"' for k, v in labels) + "}" if labels else ""): n
            for (name, labels), n in self._values.items()
        }
