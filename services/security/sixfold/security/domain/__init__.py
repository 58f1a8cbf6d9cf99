"""Pure part of the security centre: windows, detectors, incidents. No input or output."""
