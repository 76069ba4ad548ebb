"""Personal data in what a resident wrote: e-mail, phone, personnummer, a child's name and age."""

from collections.abc import Iterator

from services.moderation.checks import child, contact, personnummer
from services.moderation.checks.finding import Check, Code, Field, Finding, Severity, Span, Subject

NAME = "personal_data"


def run(subject: Subject) -> Iterator[Finding]:
    """Yield one finding per kind and field; its spans mark just the words that tell."""
    for field, text in subject.fields:
        numbers = personnummer.find(text)
        yield from _finding(Code.PERSONNUMMER, Severity.HIGH, 0.99, field, numbers)
        yield from _finding(Code.PHONE, Severity.MEDIUM, 0.9, field, contact.phones(text, numbers))
        yield from _finding(Code.EMAIL, Severity.MEDIUM, 0.95, field, contact.emails(text))
    yield from _child(subject)


def _finding(
    code: Code, severity: Severity, score: float, field: Field, spans: tuple[Span, ...]
) -> Iterator[Finding]:
    if spans:
        yield Finding(NAME, code, severity, score, field, spans)


def _child(subject: Subject) -> Iterator[Finding]:
    """An age or a school year is medium; together with a name it is high."""
    for field, text in subject.fields:
        found = child.in_name(text) if field == "author" else child.in_text(text)
        if found is None:
            continue
        # A name beside the text makes the child as known as one inside it.
        named = found.named or (field == "text" and bool(subject.author))
        severity, score = (Severity.HIGH, 0.95) if named else (Severity.MEDIUM, 0.7)
        yield Finding(
            NAME, Code.CHILD, severity, score, field, found.spans, {"named": int(found.named)}
        )


CHECK = Check(NAME, 1, run)
