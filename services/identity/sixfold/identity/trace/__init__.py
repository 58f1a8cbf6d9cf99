"""The trace desk: cases, two officers, one subscriber or none, and a trail of all of it."""
