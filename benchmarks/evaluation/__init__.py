"""How good the detectors are: precision, recall, time to detect, false alarms a day (`task eval`)."""
