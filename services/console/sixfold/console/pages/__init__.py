"""The operators' pages: what each one asks the centres, and what its template gets."""
