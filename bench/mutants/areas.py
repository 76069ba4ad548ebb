"""Where rules live, and which part of the house each file belongs to."""

from fnmatch import fnmatch
from pathlib import Path

# The first pattern that fits. `*` goes over folders, too.
AREAS = (
    ("submission", "services/submission/*"),
    ("webhooks", "services/notify/webhooks/*"),
    ("notify", "services/notify/*"),
    ("checks", "services/moderation/checks/*"),
    ("checks", "services/moderation/lookups/*"),
    ("checks", "services/moderation/semantic/*"),
    ("checks", "services/moderation/checking/*"),
    ("checks", "services/moderation/spam/*"),
    ("access and people", "services/moderation/people/*"),
    ("access and people", "services/moderation/desk/access.py"),
    ("access and people", "services/moderation/desk/kept_words.py"),
    ("access and people", "services/moderation/desk/next_page.py"),
    ("access and people", "services/moderation/desk/own_address.py"),
    ("access and people", "services/moderation/desk/signed_in.py"),
    ("access and people", "services/moderation/desk/people/*"),
    ("desk", "services/moderation/desk/*"),
    ("desk", "services/moderation/statistics/*"),
    ("desk", "services/moderation/settings/*"),
    ("decisions", "services/moderation/*"),
    ("shared", "shared/*"),
    ("radslag", "radslag/*"),
)
# No rules of their own: tables (migrations are the truth), texts for people, what starts processes.
_NOT = (
    "shared/models/*",
    "shared/migrations/*",
    "*/explanations/*",
    "*_words.py",
    "*/words.py",
    "*/sentences.py",
    "*/openapi.py",
    "*/qr.py",
    "radslag/up/*",
    "radslag/embedded/*",
    "radslag/child.py",
    "radslag/judging.py",
    "radslag/translations.py",
)
ROOMS = ("services", "shared", "radslag")
HAND_MADE = "SQL and templates"


def area_of(file: str) -> str | None:
    """The area of a file of code, or None where there are no rules."""
    if any(fnmatch(file, pattern) for pattern in _NOT):
        return None
    return next((area for area, pattern in AREAS if fnmatch(file, pattern)), None)


def files_with_rules(tree: Path) -> list[str]:
    """All files of code that hold rules, as paths in the tree."""
    found = (path for room in ROOMS for path in sorted((tree / room).rglob("*.py")))
    names = (path.relative_to(tree).as_posix() for path in found)
    return [name for name in names if area_of(name)]
