"""The body of a webhook: Standard Webhooks' for programs, a sentence and a link for chat programs.

Only the titles of councils and rules are not ours; each chat program gets them without the signs
that it would act on.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from services.notify.webhooks.payloads import Data
from services.notify.webhooks.sentences import Said, say_event
from shared.i18n import speak_language
from shared.models import WebhookShape


@dataclass(frozen=True, slots=True)
class Told:
    """What is told: the public name of the event, when it happened, and what of it."""

    kind: str
    timestamp: str
    data: Data
    # What councils and rules are called, by slug and code: for sentences only.
    titles: Mapping[str, str]


def make_body(told: Told, shape: WebhookShape, language: str) -> bytes:
    """Return the body of a request as JSON."""
    with speak_language(language):
        made = _SHAPES[shape](told)
    return json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode()


def _standard(told: Told) -> Data:
    return {"type": told.kind, "timestamp": told.timestamp, "data": told.data}


def _slack(told: Told) -> Data:
    said = _said(told, _without_references)
    text = f"{said.text} <{said.url}|{said.link}>"
    # The text is what notifications show; `unfurl` would ask the desk for a preview.
    block = {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}
    return {"text": text, "blocks": [block], "unfurl_links": False}


def _teams(told: Told) -> Data:
    # Runs of text are shown as they are; a TextBlock would read Markdown.
    said = _said(told, str)
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": said.text}]}],
        "actions": [{"type": "Action.OpenUrl", "title": said.link, "url": said.url}],
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {
        "type": "message",
        "attachments": [{"contentType": kind, "contentUrl": None, "content": card}],
    }


def _mattermost(told: Told) -> Data:
    said = _said(told, _without_markdown)
    return {"text": f"{said.text} [{said.link}]({said.url})"}


def _said(told: Told, escape: Callable[[str], str]) -> Said:
    called = {code: escape(" ".join(title.split())) for code, title in told.titles.items()}
    return say_event(told.kind, told.data, called)


def _without_references(words: str) -> str:
    """The three signs that Slack asks to be written so; all its commands begin with one."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _without_markdown(words: str) -> str:
    """No formatting, and nobody called by an @ that stands in a title."""
    marked = re.sub(r"([\\`*_{}\[\]()#+\-.!|>~:])", r"\\\1", words)
    return marked.replace("@", "@\u200b")


_SHAPES: Mapping[WebhookShape, Callable[[Told], dict[str, Any]]] = MappingProxyType(
    {
        WebhookShape.STANDARD: _standard,
        WebhookShape.SLACK: _slack,
        WebhookShape.TEAMS: _teams,
        WebhookShape.MATTERMOST: _mattermost,
    }
)
