"""The detectors, one module each: parameters as data, an explanation in every signal."""
