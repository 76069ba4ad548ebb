"""The ways in which a form tool can prove that it may post."""

import base64
import hashlib
import hmac
import re
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from standardwebhooks import Webhook

from services.submission.hooks import secrets, sources
from services.submission.hooks.secrets import TOLERANCE_S, Posted, find_way, hash_secret
from shared.config import Settings
from shared.models import FormSource
from tests.factories import _ENVIRONMENT

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
BODY = '{"text": "En bänk å"}'.encode()


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings.from_env(_ENVIRONMENT)


@pytest.fixture(scope="module")
def nonces() -> list[bytes]:
    return [secrets.new_nonce() for _ in range(2)]


@pytest.fixture(scope="module")
def in_force(settings, nonces):
    return [(each, hash_secret(secrets.show_secret(settings, each))) for each in nonces]


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def signed(secret: str, *, name="msg_1", at=NOW, body=BODY) -> dict[str, str]:
    """Signed by the library that senders use."""
    return {
        "webhook-id": name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(name, at, body.decode()),
    }


def by_typeform(secret: str, body: bytes = BODY) -> dict[str, str]:
    made = hmac.digest(secret.encode(), body, hashlib.sha256)
    return {"typeform-signature": "sha256=" + base64.b64encode(made).decode()}


WAYS = {
    "bearer": lambda secret: {"authorization": f"Bearer {secret}"},
    "bearer, as some write it": lambda secret: {"authorization": f"bearer  {secret} "},
    "a header of one's choice": lambda secret: {"x-api-key": secret},
    "authorization alone": lambda secret: {"authorization": secret},
    "basic": lambda secret: {"authorization": basic("radslag", secret)},
    "basic without a name": lambda secret: {"authorization": basic("", secret)},
    "standard webhooks": signed,
    "typeform": by_typeform,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("which", [0, 1], ids=["new", "old"])
def test_each_way_is_good_with_either_secret_in_force(settings, in_force, nonces, way, which):
    headers = WAYS[way](secrets.show_secret(settings, nonces[which]))
    assert find_way(Posted(headers, BODY), in_force, settings, NOW)
    assert bool(find_way(Posted(headers, BODY), in_force[:1], settings, NOW)) is (which == 0)
    assert not find_way(Posted(headers, BODY), [], settings, NOW)


@pytest.mark.parametrize("way", WAYS)
def test_no_way_is_good_with_another_secret(settings, in_force, way):
    wrong = secrets.show_secret(settings, b"another nonce...")
    assert not find_way(Posted(WAYS[way](wrong), BODY), in_force, settings, NOW)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Basic"},
        {"authorization": "Basic ÿÿ"},
        {"authorization": "Basic %%%"},
        {"authorization": "Basic " + base64.b64encode(b"\xff\xfe").decode()},
        {"x-api-key": "whsec_"},
        {"webhook-id": "1", "webhook-timestamp": "soon", "webhook-signature": "v1,x"},
        {"webhook-id": "å", "webhook-timestamp": "١", "webhook-signature": "v1,å"},
        {"typeform-signature": "sha256="},
        {"typeform-signature": "å"},
    ],
)
def test_nonsense_is_no_secret(settings, in_force, headers):
    assert not find_way(Posted(headers, BODY), in_force, settings, NOW)


@pytest.mark.parametrize("name", ["cookie", "user-agent", "referer", "origin", "host"])
def test_what_browsers_send_by_themselves_is_no_secret(settings, in_force, nonces, name):
    headers = {name: secrets.show_secret(settings, nonces[0])}
    assert not find_way(Posted(headers, BODY), in_force, settings, NOW)


@pytest.mark.parametrize(
    ("seconds", "is_good"),
    [
        (-TOLERANCE_S - 1, False),
        (-TOLERANCE_S, True),
        (TOLERANCE_S, True),
        (TOLERANCE_S + 1, False),
    ],
)
def test_a_signature_is_good_for_five_minutes(settings, in_force, nonces, seconds, is_good):
    at = datetime.fromtimestamp(NOW.timestamp() + seconds, UTC)
    headers = signed(secrets.show_secret(settings, nonces[0]), at=at)
    assert bool(find_way(Posted(headers, BODY), in_force, settings, NOW)) is is_good


def test_a_signature_covers_id_moment_and_body(settings, in_force, nonces):
    secret = secrets.show_secret(settings, nonces[0])
    headers = signed(secret)
    for changed in (
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": str(int(NOW.timestamp()) - 1)},
        {"webhook-signature": headers["webhook-signature"].replace("v1,", "v2,")},
    ):
        assert not find_way(Posted(headers | changed, BODY), in_force, settings, NOW)
    assert not find_way(Posted(headers, BODY + b" "), in_force, settings, NOW)
    assert not find_way(Posted(by_typeform(secret), BODY + b" "), in_force, settings, NOW)
    # Of several signatures one must be right: the sender may be changing its own.
    several = {"webhook-signature": f"v1,x v1a,y {headers['webhook-signature']}"}
    assert find_way(Posted(headers | several, BODY), in_force, settings, NOW)


def test_the_plain_secret_outlives_a_new_key_of_the_system(settings, in_force, nonces):
    secret = secrets.show_secret(settings, nonces[0])
    moved = replace(settings, secret_key="another key for tests, long enough as well")
    assert find_way(Posted({"x-api-key": secret}, BODY), in_force, moved, NOW)
    assert not find_way(Posted(signed(secret), BODY), in_force, moved, NOW)


def test_a_secret_is_long_and_no_two_are_alike(settings, nonces):
    shown = [secrets.show_secret(settings, each) for each in nonces]
    assert len(set(shown)) == 2
    assert all(len(base64.b64decode(each.removeprefix("whsec_"))) == 32 for each in shown)


def test_a_secret_may_stand_in_an_address(settings):
    """`https://x:SECRET@…`: a slash would end the host, and some read a plus as a space."""
    source = FormSource(nonce=b"", secret_sha256=b"")
    for _ in range(30):
        sources.change_secret(source, settings)
        shown = sources.show_secret(source, settings)
        assert re.fullmatch(r"whsec_[A-Za-z0-9]{43}=", shown)
        parts = urlsplit(f"https://x:{shown}@dialog.example.se/hooks/forms/a")
        assert (parts.hostname, parts.password) == ("dialog.example.se", shown)
