"""What is said of keys goes away with the switch for them: of those that the switch turns off."""

import re
from pathlib import Path

import services

_HINT = re.compile(r'class="[^"]*\bkey-hint\b[^"]*">(.*?)</span>')


def test_only_what_is_said_of_single_keys_is_hidden_with_them():
    """Arrows, space and the browser's own keys work whatever the switch says."""
    rooms = Path(services.__path__[0])
    hidden = [
        said for page in rooms.rglob("*.html") for said in _HINT.findall(page.read_text("utf-8"))
    ]
    assert len(hidden) == 2
    assert all("Tangenten u " in said or " med ? " in said for said in hidden)
