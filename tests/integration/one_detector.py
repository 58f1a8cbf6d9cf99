"""Settings of the security centre for tests that are about incidents, not about all that can be seen in their flows."""

from sixfold.security.domain.detectors import BUILT_IN


def without_others(detector: str) -> dict[str, dict[str, bool]]:
    """The `detectors` setting that leaves one."""
    return {one.name: {"enabled": False} for one in BUILT_IN if one.name != detector}


def as_toml(detectors: dict[str, dict[str, bool]]) -> str:
    return "".join(f"[detectors.{name}]\nenabled = false\n" for name in detectors)
