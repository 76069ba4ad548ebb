"""What may be told of an error: its kind and its place, never its message."""

import traceback


def place_of(error: BaseException) -> str:
    """Say what kind of error it was and where, never its message: that may quote a row."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    return f"{type(error).__name__}{f' {state}' if state else ''}{where}"
