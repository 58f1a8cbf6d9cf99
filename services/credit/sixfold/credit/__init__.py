"""Big data and credit: the one writer and reader of the warehouse."""
