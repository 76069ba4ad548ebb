"""What chat programs and programs read, in both languages, whatever titles hold."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.webhooks.sentences import say_event
from services.notify.webhooks.shapes import Told, make_body
from shared import i18n
from shared.delivery import hooks
from shared.models import DecisionKind, IdeaStatus, IncidentKind, Outcome, ReceiptVerb, WebhookShape

IDEA = {
    "id": "0197a1b2-0000-7000-8000-000000000001",
    "number": "R-2026-000123",
    "council": "miljo",
    "desk_url": "https://desk.example.se/ideas/R-2026-000123",
}
NASTY = "<!channel> & <https://evil.example|Miljö> *fet* [x](https://evil.example) @all `:)`"


def decided(kind: str = "publish", **about) -> Told:
    decision = {"id": "1", "kind": kind, "rule": None, "into": None, "undoes": None} | about
    data = {"idea": IDEA, "decision": decision, "status": "published"}
    titles = {"council:miljo": NASTY, "rule:spam": "Skräp <b>"}
    return Told("idea.decided", "2026-11-29T10:00:00.000Z", data, titles)


def made(told: Told, shape: WebhookShape, language: str = "sv") -> dict:
    return json.loads(make_body(told, shape, language))


def test_programs_get_type_timestamp_and_data():
    told = decided()
    assert made(told, WebhookShape.STANDARD) == {
        "type": "idea.decided",
        "timestamp": told.timestamp,
        "data": told.data,
    }


def test_slack_gets_a_sentence_whose_only_command_is_the_link():
    said = made(decided(), WebhookShape.SLACK)
    link = "<https://desk.example.se/ideas/R-2026-000123|Öppna R-2026-000123>"
    assert said["text"].endswith(f" {link}")
    assert said["blocks"][0]["text"]["text"] == said["text"]
    assert said["text"].removesuffix(link).count("<") == 0
    assert "&lt;!channel&gt; &amp; &lt;https" in said["text"]


def test_teams_gets_a_card_that_shows_its_text_as_it_is():
    said = made(decided(), WebhookShape.TEAMS)
    card = said["attachments"][0]["content"]
    assert said["attachments"][0]["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card["body"][0]["type"] == "RichTextBlock"
    assert NASTY in card["body"][0]["inlines"][0]["text"]
    assert card["actions"] == [
        {"type": "Action.OpenUrl", "title": "Öppna R-2026-000123", "url": IDEA["desk_url"]}
    ]


def test_mattermost_gets_no_formatting_and_calls_nobody():
    said = made(decided(), WebhookShape.MATTERMOST)["text"]
    assert said.endswith(" [Öppna R-2026-000123](https://desk.example.se/ideas/R-2026-000123)")
    assert "@all" not in said
    assert r"\[x\]\(https\:" in said
    assert r"\*fet\*" in said


@given(st.text(), st.sampled_from(list(WebhookShape)))
def test_any_title_stays_words(title, shape):
    told = decided()
    said = made(Told(told.kind, told.timestamp, told.data, {"council:miljo": title}), shape)
    text = said.get("text", "")
    if shape is WebhookShape.SLACK:
        assert text.count("<") == 1
    if shape is WebhookShape.MATTERMOST:
        assert "\n" not in text
        assert not any(f"{sign}{name}" in text for sign in "@" for name in ("all", "here"))


@pytest.mark.parametrize("language", ["sv", "en"])
def test_everything_that_can_happen_has_a_sentence(language):
    told = [decided(kind, rule="spam", into="R-2026-000001") for kind in DecisionKind]
    told += [
        Told("idea.decided", "", {**decided("undo").data, "status": status}, {})
        for status in IdeaStatus
    ]
    told += [
        Told("idea.checked", "", {"idea": IDEA, "outcome": outcome, "unchecked": unchecked}, {})
        for outcome in [*Outcome, None]
        for unchecked in ([], ["names"])
    ]
    told += [
        Told("receipt.action", "", {"idea": IDEA, "action": verb, "rule": None}, {})
        for verb in ReceiptVerb
    ]
    told += [
        Told(name, "", {"alert": {"id": "1", "kind": kind, "desk_url": "https://d"}}, {})
        for kind in IncidentKind
        for name in hooks.NAMES.values()
        if name.startswith("alert.")
    ]
    worse = {"alert": {"id": "1", "kind": "threat", "worse": True, "desk_url": "https://d"}}
    told.append(Told("alert.raised", "", worse, {}))
    told += [
        Told("idea.answered", "", {"idea": IDEA, "answer": {"version": n, "stands": stands}}, {})
        for n, stands in ((1, True), (2, True), (3, False))
    ]
    told += [
        Told("idea.submitted", "", {"idea": IDEA}, {}),
        Told(hooks.PING, "", {"webhook": "1", "desk_url": "https://d"}, {}),
    ]
    assert {each.kind for each in told} == {hooks.PING, *hooks.NAMES.values()}
    for each in told:
        text = made(each, WebhookShape.MATTERMOST, language)["text"]
        assert text[0].isupper()
        assert "%(" not in text
        assert "None" not in text


def test_a_sentence_reads_well():
    with i18n.speak_language("sv"):
        said = [
            say_event("idea.submitted", {"idea": IDEA}, {"council:miljo": "Miljö och klimat"}),
            say_event("idea.decided", decided("reject", rule="spam").data, {"rule:spam": "Skräp"}),
        ]
    assert [each.text for each in said] == [
        "Ny idé R-2026-000123 i Miljö och klimat.",
        "Idé R-2026-000123 i miljo publiceras inte: Skräp.",
    ]
