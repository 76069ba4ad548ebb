"""What the desk lends to notify's pages: how it asks who may enter, and who makes the request."""

from collections.abc import Callable
from uuid import UUID

from flask.typing import ResponseReturnValue

# Run before each request; an answer of its own sends the person away.
Guard = Callable[[], ResponseReturnValue | None]
# Who makes the request, and whether they may choose for others.
Person = Callable[[], tuple[UUID, bool]]
