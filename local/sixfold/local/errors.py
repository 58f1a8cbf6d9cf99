"""The one error that the command line shows: a sentence that says what is wrong and what to do next."""


class LocalError(Exception):
    """Something the user can act on; `str(error)` is shown as it is, without a traceback."""
