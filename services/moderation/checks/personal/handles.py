"""Accounts in social media: "@name", "min insta är name", "snap: name"."""

import re
from typing import NamedTuple

from services.moderation.checks.finding import Span, join_spans

_SIGN = re.compile(r"(?<![\w@.+/-])[@\uff20](?P<name>[^\W\d_][\w.]{1,28}\w)(?![\w@]|\.\w|[./]\w)")
_SERVICE = (
    r"(?:insta(?:gram)?|ig|snap(?:chat)?|tik\s?tok|twitter|discord|telegram|kik|facebook|fb"
    r"|messenger|roblox|steam|twitch|whatsapp|threads|bluesky|signal|wickr|youtube|linkedin|tinder"
    r"|viber|skype|psn|gamertag)"
)
# Every service holds one of these, so that the long patterns are tried on few texts.
_ROOTS = (
    *("insta", " ig", "snap", "tok", "twitter", "discord", "telegram", "kik", "facebook", "fb"),
    *("messenger", "roblox", "steam", "twitch", "whatsapp", "threads", "bluesky", "signal"),
    *("wickr", "youtube", "linkedin", "tinder", "viber", "skype", "psn", "gamertag"),
)
# "min insta är x", "min snap: x", "heter x på insta", "lägg till mig på snap, x", "insta: x".
_TOLD = re.compile(
    rf"\b(?:(?:min|mitt|hans|hennes|deras|vår|my|his|her)\s{_SERVICE}(?:n|t|en|konto|namn)?"
    rf"(?:\s?(?:är|heter|is|[:=])|,)|(?:adda|lägg\still|add|följ|skriv\still|dm:?a|pm:?a|kontakta)\s"
    rf"(?:mig|me|oss|honom|henne)\s(?:på|on|via)\s{_SERVICE}[:,]?)"
    r"\s?(?P<name>@?\w[\w.\-]{1,28}\w)",
    re.IGNORECASE,
)
# "snap: lisa": only services that are no other word, and a name that ends the thought.
_LABEL = re.compile(
    r"(?<!\w)(?:insta(?:gram)?|ig|snap(?:chat)?|tik\s?tok|discord|kik|skype|psn)\s?[:=]\s?"
    r"(?P<name>@?(?=[^\s\d]{4})\w[\w.\-]{2,28}\w)(?=\s?(?:[.,!)\n]|\Z|och\b|eller\b))",
    re.IGNORECASE,
)
_CALLED = re.compile(
    rf"\b(?:jag|han|hon|hen)\sheter\s(?P<name>@?\w[\w.\-]{{1,28}}\w)\s(?:på|i)\s{_SERVICE}\b",
    re.IGNORECASE,
)
# With a sign that no word has: "på insta anna_b", "Snapchat – lisa09".
_ODD = re.compile(
    rf"\b{_SERVICE}(?:\s?[-–—:=]\s?|\s)(?P<name>@?(?=[\w.\-]{{0,28}}[\d_#])[^\W\d_][\w.\-]{{1,28}}\w)",
    re.IGNORECASE,
)
_PROFILE = re.compile(
    r"\b(?:facebook|instagram|tiktok|twitter|x|snapchat|linkedin|threads|twitch)\.(?:com|net|tv)/(?:add/|in/|u/)?"
    r"(?!(?:groups|events|pages|watch|share|sharer|hashtag|p|reel|story|stories|explore|login|search)\b)"
    r"(?P<name>@?[\w.\-]{2,29}\w)",
    re.IGNORECASE,
)
_SMALL = frozenset(
    {"som", "där", "och", "jag", "det", "den", "att", "för", "med", "på", "http", "https", "www"}
    | {"privat", "inte", "the", "bra", "ett", "bättre", "bäst", "är", "nu", "sen", "så", "hos"}
    | {"nere", "borta", "stängt", "hackat", "kul", "roligt", "dåligt", "tråkigt", "farligt"}
)


class Handles(NamedTuple):
    """Where accounts stand; `told` when the words say whose or where they are."""

    spans: tuple[Span, ...]
    told: bool


def find_handles(text: str) -> Handles | None:
    """Return the accounts of a text; None when there are none."""
    low = text.lower()
    named = low.startswith("ig") or any(service in low for service in _ROOTS)
    if not named and "@" not in text and "\uff20" not in text:
        return None
    told = [
        match.span("name")
        for pattern in ((_TOLD, _LABEL, _CALLED, _ODD) if named else ())
        for match in pattern.finditer(text)
        if match["name"].lower() not in _SMALL and not match["name"].lower().startswith("http")
        if not re.match(r"\.\w|@", text[match.end("name") : match.end("name") + 2])
    ]
    signed = [match.span() for match in _SIGN.finditer(text)]
    if named:
        signed += [match.span("name") for match in _PROFILE.finditer(text)]
    spans = join_spans([*told, *signed])
    return Handles(spans, bool(told)) if spans else None
