"""`sixfold address …`: what an operator does at the address centre."""
