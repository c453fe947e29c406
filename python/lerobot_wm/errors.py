"""The package's exception."""


class Error(RuntimeError):
    """What went wrong and what fixes it, in one sentence."""
