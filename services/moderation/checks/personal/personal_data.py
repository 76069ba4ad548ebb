"""What leads to a person: e-mail, phone, personnummer, account, plate, address, social media."""

import re
from collections.abc import Iterator, Mapping

from services.moderation.checks.finding import (
    Check,
    Code,
    Field,
    Finding,
    Severity,
    Span,
    Subject,
    join_spans,
)
from services.moderation.checks.personal import (
    addresses,
    bank_numbers,
    contact,
    handles,
    personnummer,
    plates,
)

NAME = "personal_data"


def run(subject: Subject) -> Iterator[Finding]:
    """Yield one finding per kind and field; its spans mark just the words that tell."""
    for field, text in subject.fields:
        yield from _numbers(field, text)
        emails = contact.find_emails(text)
        yield from _finding(Code.EMAIL, Severity.MEDIUM, 0.95, field, emails)
        yield from _handles(field, text, emails)
        yield from _plates(field, text)
        yield from _addresses(field, text)


def _finding(
    code: Code,
    severity: Severity,
    score: float,
    field: Field,
    spans: tuple[Span, ...],
    params: Mapping[str, int | float | str] | None = None,
) -> Iterator[Finding]:
    if spans:
        yield Finding(NAME, code, severity, score, field, spans, params or {})


_MONEY = {
    "card": (Severity.HIGH, 0.97),
    "iban": (Severity.HIGH, 0.97),
    "bank": (Severity.HIGH, 0.8),
    # Mostly a firm's or an association's.
    "giro": (Severity.MEDIUM, 0.8),
}


# Letters written for digits, where a digit and no other letter is beside them: "64O823-3234".
_LIKE_DIGITS = re.compile(r"(?<![^\W\d_])[OoIl]{1,4}(?=\d)|(?<=\d)[OoIl]{1,4}(?![^\W\d_])")
_DIGITS_LIKE = str.maketrans("OoIl", "0011")


def _numbers(field: Field, text: str) -> Iterator[Finding]:
    """Digits are one thing only: a card, else a personnummer, else an account, else a phone."""
    text = _LIKE_DIGITS.sub(lambda letters: letters[0].translate(_DIGITS_LIKE), text)
    money = bank_numbers.find_bank_numbers(text)
    sure = tuple(account.span for account in money if account.kind in {"card", "iban"})
    persons = _apart(personnummer.find_personnummer(text), sure)
    either = all(personnummer.may_be_phone(text, span) for span in persons)
    severity, score = (Severity.MEDIUM, 0.5) if either else (Severity.HIGH, 0.99)
    yield from _finding(Code.PERSONNUMMER, severity, score, field, persons)
    for kind, (severity, score) in _MONEY.items():
        spans = _apart(join_spans(a.span for a in money if a.kind == kind), persons)
        yield from _finding(Code.ACCOUNT, severity, score, field, spans, {"kind": kind})
    taken = (*persons, *(account.span for account in money))
    yield from _finding(Code.PHONE, Severity.MEDIUM, 0.9, field, contact.find_phones(text, taken))


def _apart(spans: tuple[Span, ...], taken: tuple[Span, ...]) -> tuple[Span, ...]:
    """Return the spans that overlap nothing of `taken`."""
    return tuple(
        (start, end)
        for start, end in spans
        if not any(start < other_end and other < end for other, other_end in taken)
    )


def _handles(field: Field, text: str, emails: tuple[Span, ...]) -> Iterator[Finding]:
    """What somebody says is theirs must be looked at; a bare "@name" may be anything."""
    found = handles.find_handles(text)
    if found:
        severity, score = (Severity.MEDIUM, 0.8) if found.told else (Severity.LOW, 0.5)
        spans = _apart(found.spans, emails)
        yield from _finding(Code.HANDLE, severity, score, field, spans)


def _plates(field: Field, text: str) -> Iterator[Finding]:
    """A plate beside a word about vehicles must be looked at; its mere shape is only shown."""
    found = plates.find_plates(text)
    certain = any(plate.certain for plate in found)
    severity, score = (Severity.MEDIUM, 0.85) if certain else (Severity.LOW, 0.4)
    yield from _finding(Code.PLATE, severity, score, field, join_spans(p.span for p in found))


_ADDRESS = {
    "home": (Severity.MEDIUM, 0.8),
    "address": (Severity.LOW, 0.6),
    "place": (Severity.INFO, 0.3),
}


def _addresses(field: Field, text: str) -> Iterator[Finding]:
    found = addresses.find_addresses(text)
    if found:
        severity, score = max(
            (_ADDRESS[address.certainty] for address in found), key=lambda each: each[1]
        )
        spans = join_spans(address.span for address in found)
        yield from _finding(Code.ADDRESS, severity, score, field, spans)


CHECK = Check(NAME, 4, run)
