"""Incidents as others read them: STIX 2.1 objects, and the collection that TAXII shows."""
