"""What somebody sends who means no good, or heard what another sent."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select
from standardwebhooks import Webhook

from services.submission.hooks import bodies, inbox, mapping, secrets, sources
from services.submission.hooks.bodies import MAX_KEY_LENGTH, UnreadableBodyError, read_body
from services.submission.hooks.mapping import FieldMap, Part
from services.submission.hooks.secrets import Posted, Way
from shared import db
from shared.clock import utcnow
from shared.models import Council, FormSource, Idea, IdeaText, InboxItem, InboxState
from tests.in_turn import in_turn
from tests.submission.hooks.test_recipes import sign_as_typeform

JSON = "application/json"
TEXT = b'{"text": "Fler b\\u00e4nkar."}'


def in_parts(charset: str, words: bytes) -> tuple[bytes, str]:
    head = f'Content-Disposition: form-data; name="text"\r\nContent-Type: text/plain; {charset}'
    body = b"--x\r\n" + head.encode() + b"\r\n\r\n" + words + b"\r\n--x--"
    return body, "multipart/form-data; boundary=x"


@pytest.mark.parametrize(
    ("body", "kind", "read"),
    [
        # Nothing of what came twice is dropped unseen.
        (b'{"text": "A", "text": "B"}', JSON, {"text": "A, B"}),
        (b'{"text": "A", "text": {"b": "B"}, "text": ["C"]}', JSON,
         {"text": "A, C", "text.b": "B"}),
        (b'{"a": {"b": "x"}, "a.b": "y"}', JSON, {"a.b": "x, y"}),
        # What no database and no page can hold.
        (b'{"\\ud83d\\u0000": "x"}', JSON, {"\ufffd\ufffd": "x"}),
        (b"%00=x", bodies.FORM, {"\ufffd": "x"}),
        (json.dumps({"k" * MAX_KEY_LENGTH: "x"}).encode(), JSON, {"k" * MAX_KEY_LENGTH: "x"}),
        (*in_parts("charset=windows-1252", b"\x80"), {"text": "€"}),
        # A field without a name is none of ours, and the others are.
        (b'--x\r\nContent-Disposition: form-data; name=""\r\n\r\na\r\n--x--',
         "multipart/form-data; boundary=x", {"": "a"}),
        (*in_parts("charset=UTF8", "å".encode()), {"text": "å"}),
    ],
)  # fmt: skip
def test_it_is_read_so(body, kind, read):
    assert read_body(body, kind) == read


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        *(in_parts(f"charset={name}", b"a-b9") for name in
          ("punycode", "idna", "utf-7", "unicode_escape", "rot13", "zlib", "undefined", "\x00")),
        (b"text=a-b9", f"{bodies.FORM}; charset=punycode"),
        (json.dumps({"k" * (MAX_KEY_LENGTH + 1): "x"}).encode(), JSON),
        # A thousand keys with one long word before each: a thousand times as much as came.
        (json.dumps({"k" * 100_000: {str(n): 1 for n in range(900)}}).encode(), JSON),
        (b'{"a":' * 900 + b"1" + b"}" * 900, JSON),
        (b'{"a":' + b"9" * 5000 + b"}", JSON),
        ('{"text": "å"}'.encode("latin-1"), f"{JSON}; charset=iso-8859-1"),
        (b"--x\r\n\r\n" * 30_000 + b"--x--", "multipart/form-data; boundary=x"),
    ],
    ids=lambda value: ascii(value)[:30],
)  # fmt: skip
def test_it_is_refused(body, kind):
    with pytest.raises(UnreadableBodyError):
        read_body(body, kind)


def test_two_keys_that_are_one_without_case_have_both_texts(module_settings):
    draft = mapping.draft_idea(
        {"Text": "Bänkar", "TEXT": "", "text": "Träd"},
        FieldMap((Part("text"),)),
        now=utcnow(),
        timezone=module_settings.timezone,
    )
    assert draft.form.text == "Bänkar, Träd"


@pytest.mark.parametrize("extra", [{}, {"idempotency-key": "ny"}, {"webhook-id": "ny"}])
def test_the_id_of_what_is_signed_is_in_what_is_signed(module_settings, extra):
    nonce = secrets.new_nonce()
    secret = secrets.show_secret(module_settings, nonce)
    in_force = [(nonce, secrets.hash_secret(secret))]

    def find(headers: dict[str, str]) -> tuple[Way | None, str]:
        posted = Posted(headers | extra, TEXT)
        way = secrets.find_way(posted, in_force, module_settings, utcnow())
        return way, secrets.read_id(posted, way) if way else ""

    by_typeform = {"typeform-signature": sign_as_typeform(secret, TEXT)}
    way, name = find(by_typeform)
    assert way is Way.TYPEFORM
    # However often it is sent, and under whichever other header.
    assert name == find({"typeform-signature": by_typeform["typeform-signature"] + " "})[1]
    assert name == secrets.read_id(Posted({}, TEXT), Way.TYPEFORM)
    now = datetime.now(UTC)
    signed = {
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", now, TEXT.decode()),
    }
    way, name = find({"webhook-id": "msg_1"} | signed)
    if "webhook-id" in extra:
        assert (way, name) == (None, "")
    else:
        assert (way, name) == (Way.SIGNED, "msg_1")
    # Who has the secret itself may name a delivery as they like.
    way, name = find({"authorization": f"Bearer {secret}"})
    assert (way, name) == (Way.TOLD, next(iter(extra.values()), ""))


def test_a_delivery_of_typeform_that_was_heard_is_no_second_idea(tool, session):
    headers = {"Typeform-Signature": sign_as_typeform(tool.secret, TEXT)}
    sent = [
        tool.client.post(tool.path, data=TEXT, content_type=JSON, headers=headers | more)
        for more in ({}, {}, {"Idempotency-Key": "ny"}, {"webhook-id": "ny"})
    ]
    assert {each.status_code for each in sent} == {202}
    assert len({each.json["id"] for each in sent}) == 1
    tool.work()
    assert len(session.scalars(select(Idea.id)).all()) == 1


def test_what_changes_while_a_delivery_waits(tool, session):
    """The source is turned off, its mapping changed, its council closed: the words stay."""
    sent = [tool.post(json={"text": "Ett", "b": f"Bättre {number}"}).json for number in range(2)]
    with db.Session.begin() as writing:
        source = sources.lock_source(writing, tool.source.id)
        by = FieldMap((Part("b"),))
        sources.save_mapping(writing, source, by, seen_version=0, by=None)
        sources.turn_source(source, on=False)
        council = writing.get_one(Council, source.council_id)
        council.open_until = utcnow() - timedelta(minutes=1)
    assert tool.work() == 2
    found = session.scalars(select(InboxItem)).all()
    assert {(str(each.id), each.state, each.fault) for each in found} == {
        (each["id"], InboxState.FAILED, "closed_council") for each in sent
    }
    assert all(each.body for each in found)
    with db.Session.begin() as writing:
        writing.get_one(Council, tool.source.council_id).open_until = None
        assert inbox.try_again(writing, tool.source.id) == 2
    assert tool.work() == 2
    # By the mapping that stands when it is read, not the one when it came.
    assert sorted(session.scalars(select(IdeaText.text))) == ["Bättre 0", "Bättre 1"]


def test_all_tried_again_twice_at_one_instant_are_tried_once(tool, session):
    for _ in range(3):
        tool.post(json={"fråga": "Varför?"})
    tool.work()
    engine: Engine = db.make_engine(tool.settings.database_url)

    def again(opened) -> int:
        opened.get(FormSource, tool.source.id, with_for_update=True)
        return inbox.try_again(opened, tool.source.id)

    both = in_turn(engine, again)
    engine.dispose()
    assert (both.first, both.second, both.waited) == (3, 0, True)
    assert tool.work() == 3
