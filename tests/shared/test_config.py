"""Each setting: what it may be, what that is read as, and the sentence for what it may not be."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.config import (
    Settings,
    SettingsError,
    data_folder,
    dies_with_parent,
    sqlalchemy_url,
)

REQUIRED = {
    "database_url": "postgresql://u:p@h/d",
    "broker_url": "redis://localhost",
    "secret_key": "s" * 32,
    "public_url": "https://dialog.example.se",
    "desk_url": "https://radslag.example.se",
    "smtp_url": "smtp://localhost",
}


def environment(**settings: str) -> dict[str, str]:
    return {f"RADSLAG_{name.upper()}": value for name, value in (REQUIRED | settings).items()}


def read(name: str, value: str):
    return getattr(Settings.from_env(environment(**{name: value})), name)


def test_without_more_than_is_required_everything_optional_is_off():
    found = Settings.from_env(environment())
    assert (found.mail_rate, found.mail_gap_s) == ("off", 0)
    assert (found.bounce_address, found.bounce_secret, found.metrics_token) == ("", "", "")
    assert (found.trusted_proxies, found.undo_seconds, found.hold_letters) == (0, 30, False)
    assert (found.webhook_private, found.semantic, found.akismet_key) == ((), False, "")
    assert (found.oidc_issuer, found.oidc_trust_email, found.oidc_create) == ("", False, False)
    assert found.submit_limit == "30/minute;300/hour"
    assert found.timezone == ZoneInfo("Europe/Stockholm")
    assert (found.log_level, found.bad_hosts, found.public_database_url) == ("info", "", "")


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_each_that_is_required_is_named_when_it_is_missing(name, value):
    given_now = environment()
    if value is None:
        del given_now[f"RADSLAG_{name.upper()}"]
    else:
        given_now[f"RADSLAG_{name.upper()}"] = value
    with pytest.raises(SettingsError, match=f"^Missing settings: RADSLAG_{name.upper()}.$"):
        Settings.from_env(given_now)


def test_all_that_are_missing_are_named_at_once():
    with pytest.raises(SettingsError) as missing:
        Settings.from_env({})
    assert all(f"RADSLAG_{name.upper()}" in str(missing.value) for name in REQUIRED)


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("database_url", "postgres://h/d", "postgresql://h/d"),
        ("database_url", "postgresql+psycopg://h/d", "postgresql://h/d"),
        ("public_database_url", "postgres://replica/d", "postgresql://replica/d"),
        ("broker_url", "rediss://h/1", "rediss://h/1"),
        ("queue_url", "amqps://u:p@h:5671/v", "amqps://u:p@h:5671/v"),
        ("queue_url", "", ""),
        ("broker_url", "unix:///var/valkey.sock?db=2", "unix:///var/valkey.sock?db=2"),
        ("secret_key", " " + "s" * 32 + " ", "s" * 32),
        ("public_url", "http://localhost:8000/", "http://localhost:8000"),
        ("desk_url", "https://a.se/desk//", "https://a.se/desk"),
        ("akismet_url", "https://a.se/", "https://a.se"),
        ("stopforumspam_url", "http://a.se/api", "http://a.se/api"),
        ("smtp_url", "smtps://user:pass@h:465", "smtps://user:pass@h:465"),
        ("mail_rate", "60/minute", "60/minute"),
        ("mail_rate", "OFF", "off"),
        ("mail_rate", "5 / Second", "5 / second"),
        ("mail_rate", "999999/hour", "999999/hour"),
        ("bounce_address", "studsar@example.se", "studsar@example.se"),
        ("bounce_secret", "h" * 16, "h" * 16),
        ("timezone", "UTC", ZoneInfo("UTC")),
        ("trusted_proxies", "2", 2),
        ("undo_seconds", "0", 0),
        ("submit_limit", "OFF", "off"),
        ("submit_limit", "1/second", "1/second"),
        ("submit_limit", "30 / minute ; 5/day", "30 / minute ; 5/day"),
        *[
            (name, said, found)
            for name in ("hold_letters", "oidc_trust_email", "oidc_create")
            for said, found in [
                ("1", True),
                ("TRUE", True),
                ("yes", True),
                ("0", False),
                ("False", False),
                ("no", False),
            ]
        ],
        ("semantic", "on", True),
        ("semantic", "OFF", False),
        # As browsers write it, who are held to it letter by letter.
        ("desk_url", "https://Desk.Example.SE:443/", "https://desk.example.se"),
        ("desk_url", "HTTP://127.0.0.1:80", "http://127.0.0.1"),
        ("desk_url", "https://desk.example.se.:8443", "https://desk.example.se:8443"),
        ("public_url", "http://[::1]:8000/", "http://[::1]:8000"),
        ("public_url", "http://example.se:443/Ett", "http://example.se:443/Ett"),
        ("bad_hosts", "/var/list.txt", "/var/list.txt"),
        ("bad_hosts", "https://urlhaus.example/list", "https://urlhaus.example/list"),
        ("log_level", "WARNING", "warning"),
        ("size", "LARGE", "large"),
        ("size", "small", "small"),
        ("oidc_roles", "admin=A; moderator = B ;", {"admin": "A", "moderator": "B"}),
        ("oidc_roles", "reader=a=b", {"reader": "a=b"}),
    ],
)
def test_what_a_setting_is_read_as(name, value, found):
    assert read(name, value) == found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("database_url", "mysql://h/d"),
        ("database_url", "h/d"),
        ("database_url", "postgresql+asyncpg://h/d"),
        ("database_url", "xpostgresql://h/d"),
        ("public_database_url", "sqlite://"),
        ("broker_url", "amqp://h"),
        ("queue_url", "redis://h"),
        ("queue_url", "amqp:///vhost"),
        ("broker_url", "localhost:6379"),
        ("secret_key", "s" * 31),
        *[
            (name, value)
            for name in ("public_url", "desk_url", "akismet_url", "stopforumspam_url")
            for value in ("example.se", "ftp://example.se", "https://", "https://example.se/?a=b")
        ],
        *[
            (name, f"{scheme}://{host}")
            for name, scheme in (
                ("broker_url", "redis"),
                ("public_url", "https"),
                ("desk_url", "https"),
                ("akismet_url", "https"),
                ("stopforumspam_url", "https"),
                ("bad_hosts", "https"),
                ("smtp_url", "smtp"),
                ("oidc_issuer", "https"),
            )
            for host in ("[", "[::1", "h:port", "h:65536")
        ],
        *[
            (name, value)
            for name in ("public_url", "desk_url")
            for value in ("https://anna:x@example.se", "https://@example.se", "https://e.se/#a")
        ],
        ("smtp_url", "http://h"),
        ("smtp_url", "smtp://"),
        ("smtp_url", "smtp://användare:hemligt@h"),
        ("smtp_url", "smtp://user:l%C3%B6sen@h"),
        ("mail_rate", "0/minute"),
        ("mail_rate", "60"),
        ("mail_rate", "60/day"),
        ("mail_rate", "1000000/hour"),
        ("mail_rate", "60/minutes"),
        ("mail_rate", "-1/minute"),
        ("bounce_address", "studsar"),
        ("bounce_address", "a b@example.se"),
        ("bounce_address", "Studsar <a@example.se>"),
        ("bounce_address", "a@b@c"),
        ("bounce_secret", "h" * 15),
        ("timezone", "Europe/Göteborg"),
        ("timezone", "../etc/passwd"),
        ("timezone", "/etc/localtime"),
        ("trusted_proxies", "-1"),
        ("trusted_proxies", "two"),
        ("undo_seconds", "1.5"),
        ("undo_seconds", "30s"),
        ("submit_limit", "30"),
        ("submit_limit", "30/week"),
        ("submit_limit", "30/minute;"),
        ("submit_limit", "30/minute,300/hour"),
        *[
            (name, value)
            for name in ("hold_letters", "oidc_trust_email", "oidc_create")
            for value in ("on", "2", "ja")
        ],
        ("semantic", "1"),
        ("semantic", "yes"),
        ("bad_hosts", "ftp://a.se/list"),
        ("bad_hosts", "https:///list"),
        ("log_level", "verbose"),
        ("size", "medium"),
        ("oidc_issuer", "http://id.example.se"),
        ("oidc_issuer", "https://"),
        ("oidc_issuer", "id.example.se"),
        ("oidc_roles", ";"),
        ("oidc_roles", "admin"),
        ("oidc_roles", "admin="),
        ("oidc_roles", "owner=A"),
        ("oidc_roles", "admin=A;owner=B"),
    ],
)
def test_a_wrong_setting_is_a_sentence_that_names_it(name, value):
    with pytest.raises(SettingsError) as wrong:
        read(name, value)
    said = str(wrong.value)
    named = "database_url" if name == "public_database_url" else name
    assert f"RADSLAG_{named.upper()}" in said
    assert said.endswith(".")
    # A secret is never quoted.
    assert "hemligt" not in said
    assert "lösen" not in said


@pytest.mark.parametrize(
    ("issuer", "is_taken"),
    [
        ("https://id.example.se/realms/staden", True),
        ("https://id.example.se/", True),
        ("http://127.0.0.1:8080/x", True),
        ("http://localhost/x", True),
        ("http://[::1]/x", True),
        ("http://127.0.0.2/x", False),
        ("ftp://localhost/x", False),
    ],
)
def test_a_directory_is_asked_in_the_clear_only_on_this_machine(issuer, is_taken):
    settings = environment(oidc_issuer=issuer, oidc_client_id="desk")
    if is_taken:
        # As it is, with its slash or without: another spelling is another issuer.
        assert Settings.from_env(settings).oidc_issuer == issuer
    else:
        with pytest.raises(SettingsError, match="RADSLAG_OIDC_ISSUER"):
            Settings.from_env(settings)


def test_a_directory_needs_to_be_told_who_asks():
    with pytest.raises(SettingsError, match="RADSLAG_OIDC_CLIENT_ID"):
        Settings.from_env(environment(oidc_issuer="https://id.example.se"))
    Settings.from_env(environment(oidc_client_id="desk"))


@pytest.mark.parametrize(
    ("rate", "gap_s"),
    [("off", 0), ("60/minute", 1), ("1/hour", 3600), ("4/second", 0.25), ("90 / hour", 40)],
)
def test_a_rate_is_a_gap_between_two_letters(rate, gap_s):
    assert Settings.from_env(environment(mail_rate=rate)).mail_gap_s == gap_s


@pytest.mark.parametrize(
    ("broker", "celery"),
    [
        ("redis://:p@h:6379/0", "redis://:p@h:6379/0"),
        ("unix:///v/a.sock", "redis+socket:///v/a.sock?virtual_host=0"),
        ("unix:///v/a.sock?db=3", "redis+socket:///v/a.sock?virtual_host=3"),
    ],
)
def test_the_broker_as_celery_spells_it(broker, celery):
    assert Settings.from_env(environment(broker_url=broker)).celery_broker_url == celery


def test_the_hosts_of_a_city_are_those_of_its_pages_and_its_addresses():
    found = Settings.from_env(
        environment(
            authority="Exempelstad",
            contact="kontakt@Exempelstad.se",
            mail_from="Rådslag <radslag@post.exempelstad.se>",
        )
    )
    ours = {"dialog.example.se", "radslag.example.se"}
    assert found.own_hosts == ours | {"Exempelstad.se", "post.exempelstad.se"}
    # A contact may be a telephone number, and another city's is never the sample's.
    unnamed = Settings.from_env(environment(authority="Exempelstad", contact="0411-12 34 56"))
    assert unnamed.own_hosts == ours | {"localhost"}


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_the_driver_is_named(scheme):
    assert sqlalchemy_url(f"{scheme}://u@h/d") == "postgresql+psycopg://u@h/d"


@given(name=st.sampled_from(sorted(REQUIRED)), value=st.text(max_size=40))
def test_any_value_is_read_or_is_a_sentence(name, value):
    try:
        read(name, value)
    except SettingsError as error:
        said = str(error)
    else:
        said = f"RADSLAG_{name.upper()}"
    assert f"RADSLAG_{name.upper()}" in said


def test_where_the_system_s_files_are():
    assert data_folder({}) == Path("var")
    assert data_folder({"RADSLAG_DATA": ""}) == Path("var")
    assert data_folder({"RADSLAG_DATA": "/srv/rådslag"}) == Path("/srv/rådslag")


@pytest.mark.parametrize(("said", "dies"), [("1", True), ("0", False), ("", False), ("yes", False)])
def test_only_who_is_told_so_ends_with_its_parent(said, dies):
    assert dies_with_parent({"RADSLAG_DIE_WITH_PARENT": said}) == dies
    assert not dies_with_parent({})


class TestFiles:
    """`RADSLAG_X_FILE` names a file that holds the secret RADSLAG_X."""

    def given(self, path: Path, **settings: str) -> dict[str, str]:
        told = environment(**settings)
        del told["RADSLAG_SECRET_KEY"]
        return told | {"RADSLAG_SECRET_KEY_FILE": str(path)}

    def test_a_secret_in_a_file_is_read_without_the_line_end(self, tmp_path):
        path = tmp_path / "nyckel å"
        # As different editors write it.
        for mark in ("", "\ufeff"):
            path.write_text(f"{mark}{'å' * 40}\r\n", encoding="utf-8")
            assert Settings.from_env(self.given(path)).secret_key == "å" * 40

    def test_the_file_counts_where_both_are_there_and_none_where_it_is_empty(self, tmp_path):
        path = tmp_path / "key"
        path.write_text("f" * 40)
        both = environment() | {"RADSLAG_SECRET_KEY_FILE": str(path)}
        assert Settings.from_env(both).secret_key == "f" * 40
        neither = environment() | {"RADSLAG_SECRET_KEY_FILE": " "}
        assert Settings.from_env(neither).secret_key == "s" * 32

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (None, "No such file"),
            *((b"", "nothing in it"), (b" \n", "nothing in it"), (b"\xff\xfe", "is no text")),
            # As PowerShell writes it, a device, and what would lose its end.
            (("s" * 40).encode("utf-16-le"), "is no text"),
            *((b"\0" * 40, "is no text"), (b"s" * 65_537, "is no text")),
        ],
    )
    def test_a_file_that_holds_none_stops_the_start(self, tmp_path, content, why):
        path = tmp_path / "key"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(SettingsError, match=rf"^RADSLAG_SECRET_KEY_FILE .*{why}"):
            Settings.from_env(self.given(path))

    def test_what_is_wrong_in_a_file_is_said_without_showing_it(self, tmp_path):
        path = tmp_path / "key"
        path.write_text("kort hemlighet")
        with pytest.raises(SettingsError, match="RADSLAG_SECRET_KEY must have") as refused:
            Settings.from_env(self.given(path))
        assert "kort" not in str(refused.value)

    def test_only_secrets_are_read_from_files(self, tmp_path):
        path = tmp_path / "level"
        path.write_text("debug")
        told = environment() | {"RADSLAG_LOG_LEVEL_FILE": str(path)}
        assert Settings.from_env(told).log_level == "info"
