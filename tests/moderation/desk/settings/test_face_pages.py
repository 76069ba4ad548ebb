"""The city's face at the desk: what is taken, refused with a sentence, and noted in the log."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from radslag.desk import create_app
from services.moderation.people import accounts
from services.moderation.settings import face
from services.moderation.settings.face import FaceDraft
from services.moderation.settings.versioned import MovedError
from shared import db, i18n
from shared.config import Settings
from shared.models import AuditEntry, CityFace, Council, Picture, Role
from shared.pages.face import Face, name_city
from shared.pages.pictures import clean_picture
from tests.factories import a_council, a_member_of_staff
from tests.moderation.conftest import PASSWORD, Desk
from tests.picture_files import a_jpeg, a_png

DARK, LIGHT = "#0b4a6f", "#ffd84d"
DRAFT = FaceDraft("Exempelstad", "info@exempel.example", "0b4a6f")


@pytest.fixture(autouse=True)
def swedish() -> Iterator[None]:
    """Sentences are Swedish here, whatever a page before spoke."""
    with i18n.speak_language("sv"):
        yield


@pytest.fixture
def ada(unit):
    return a_member_of_staff(unit, Role.ADMIN)


def actions(unit) -> list[str]:
    unit.flush()
    return list(unit.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def pictures(unit) -> list[bytes]:
    unit.flush()
    return sorted(unit.scalars(select(Picture.body)))


@pytest.mark.parametrize(
    ("field", "typed", "fault"),
    [
        ("authority", "x" * 120, ""),
        ("authority", "x" * 121, "120"),
        ("contact", "0411-12 34 56", ""),
        ("contact", "x" * 121, "120"),
        ("colour", "", ""),
        ("colour", DARK, ""),
        ("colour", "0B4A6F", ""),
        ("colour", "blå", "sex siffror"),
        ("colour", LIGHT, "till 1"),
        ("colour", "#ffffff", "till 1"),
    ],
)
def test_a_field_is_taken_or_refused_with_a_sentence(field, typed, fault):
    form = {"authority": "", "contact": "", "colour": ""} | {field: typed}
    draft, faults = face.read_face_form(form)
    assert (draft is None) is bool(fault)
    assert list(faults) == ([field] if fault else [])
    assert fault in faults.get(field, "")


def test_a_colour_that_is_too_light_is_answered_with_one_that_is_not():
    sentence = face.read_face_form({"authority": "", "contact": "", "colour": LIGHT})[1]["colour"]
    near = sentence.rstrip(".").split("#")[1]
    draft, faults = face.read_face_form({"authority": "", "contact": "", "colour": near})
    assert (faults, draft.colour) == ({}, near)
    assert "1,1 till 1" in sentence


def test_name_contact_and_colour_change_as_they_were_seen(unit, ada):
    face.change_face(unit, DRAFT, seen_version=0, by=ada.id)
    face.change_face(unit, DRAFT, seen_version=0, by=ada.id)  # the same again
    found = unit.get(CityFace, 1)
    assert (found.authority, found.contact, found.colour) == (
        "Exempelstad", "info@exempel.example", "0b4a6f",
    )  # fmt: skip
    assert found.version == 1
    for seen in (0, 2):
        with pytest.raises(MovedError):
            face.change_face(unit, FaceDraft("", "", ""), seen_version=seen, by=ada.id)
    face.change_face(unit, FaceDraft("", "", ""), seen_version=1, by=ada.id)
    assert actions(unit) == ["face.changed"] * 2


def test_the_city_is_called_so_where_it_was_set_and_else_as_it_was_started(
    unit, ada, module_settings
):
    assert name_city(unit, module_settings) is module_settings
    face.change_face(unit, FaceDraft("Exempelstad", "", ""), seen_version=0, by=ada.id)
    named = name_city(unit, module_settings)
    # It was started as the sample's, whose contact is no other city's.
    assert (named.authority, named.contact) == ("Exempelstad", "")
    started = replace(module_settings, authority="Annanstad", contact="info@annan.example")
    named = name_city(unit, started)
    assert (named.authority, named.contact) == ("Exempelstad", "info@annan.example")
    assert Face(authority=module_settings.authority).name_city(module_settings) == module_settings


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "Välj en bild"),
        (b"<svg/>", "SVG går inte"),
        (b"GIF89a", "PNG- eller JPEG"),
        (a_png(6001, 1), "6000"),
        (a_png() + b"x" * 1000, "högst 1 kB"),
    ],
)
def test_an_upload_that_cannot_be_used_is_refused_with_a_sentence(raw, said):
    with pytest.raises(face.FieldError) as refused:
        face.read_upload(raw, 1000)
    assert said in refused.value.sentence


def test_a_logo_takes_the_place_of_the_one_before(unit, ada):
    first, second = clean_picture(a_png()), clean_picture(a_jpeg())
    face.set_logo(unit, first, by=ada.id)
    face.set_logo(unit, first, by=ada.id)
    assert pictures(unit) == [first.body]
    face.set_logo(unit, second, by=ada.id)
    assert pictures(unit) == [second.body]
    for _ in range(2):
        face.set_logo(unit, None, by=ada.id)
    assert pictures(unit) == []
    assert actions(unit) == ["face.logo_set", "face.logo_set", "face.logo_removed"]
    assert unit.get(CityFace, 1).version == 3


def test_a_picture_stays_as_long_as_it_is_shown_somewhere(unit, ada):
    council = a_council(unit)
    shown = clean_picture(a_png())
    face.set_logo(unit, shown, by=ada.id)
    face.set_council_picture(unit, council.slug, shown, "Ett torg", by=ada.id)
    assert council.picture_id == unit.get(CityFace, 1).logo_id
    face.set_logo(unit, None, by=ada.id)
    assert pictures(unit) == [shown.body]
    face.remove_council_picture(unit, council.slug, by=ada.id)
    assert pictures(unit) == []
    assert (council.picture_id, council.picture_alt) == (None, "")


def test_a_councils_picture_comes_with_words_which_may_change_alone(unit, ada):
    council = a_council(unit)
    with pytest.raises(LookupError):
        face.set_council_picture(unit, council.slug, None, "Ett torg", by=ada.id)
    with pytest.raises(LookupError):
        face.set_council_picture(unit, "inget", clean_picture(a_png()), "Ett torg", by=ada.id)
    with pytest.raises(LookupError):
        face.remove_council_picture(unit, "inget", by=ada.id)
    face.set_council_picture(unit, council.slug, clean_picture(a_png()), "Ett torg", by=ada.id)
    was = council.picture_id
    for _ in range(2):
        face.set_council_picture(unit, council.slug, None, "Torget", by=ada.id)
    assert (council.picture_id, council.picture_alt) == (was, "Torget")
    for _ in range(2):
        face.remove_council_picture(unit, council.slug, by=ada.id)
    assert actions(unit) == [
        "council.picture_set", "council.picture_set", "council.picture_removed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "fault"), [("", True), (" \n", True), ("x" * 250, False), ("x" * 251, True)]
)
def test_the_words_for_a_picture_are_there_and_short(typed, fault):
    if fault:
        with pytest.raises(face.FieldError):
            face.read_alt(typed)
    else:
        assert face.read_alt(f" {typed}\n") == typed


@pytest.fixture(scope="module")
def desk(module_settings: Settings, module_database: None) -> Iterator[Desk]:
    app = create_app(module_settings)
    app.config["TESTING"] = True
    with db.Session.begin() as session:
        accounts.add_staff(session, "ada@example.org", Role.ADMIN, PASSWORD, name="Ada")
        a_council(session, slug="torget", title="Torget")
    made = Desk(app, module_settings)
    made.sign_in("ada@example.org")
    return made


def upload(desk: Desk, path: str, raw: bytes, name: str = "x.png", **fields: str):
    """Send a file as a browser does; the test client would leave a large one open."""
    parts = [
        f'Content-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
        for field, value in {"csrf_token": desk.csrf, **fields}.items()
    ]
    head = f'Content-Disposition: form-data; name="picture"; filename="{name}"\r\n\r\n'
    body = b"".join(b"--here\r\n" + part for part in [*parts, head.encode() + raw + b"\r\n"])
    return desk.client.post(
        path,
        data=body + b"--here--\r\n",
        content_type="multipart/form-data; boundary=here",
        headers=desk.headers,
        base_url=desk.base,
    )


def test_an_administrator_sets_the_name_and_a_colour_and_sees_it(desk):
    page = desk.get("/face")
    assert page.select_one("[name=version]")["value"] == "0"
    typed = {"authority": "Exempelstad", "contact": "", "colour": LIGHT, "version": "0"}
    refused = desk.post("/face", **typed)
    assert refused.status_code == 422
    shown = desk.page(refused)
    assert shown.select_one("#colour")["value"] == LIGHT
    assert "för ljus" in shown.select_one("#colour-error").text
    assert desk.post("/face", **typed | {"version": "x"}).status_code == 422
    assert desk.post("/face", **typed | {"colour": DARK}).status_code == 303
    page = desk.get("/face")
    assert page.select_one("#authority")["value"] == "Exempelstad"
    assert page.select_one(".swatches code").text == DARK
    moved = desk.post("/face", **typed | {"colour": DARK, "authority": "Annanstad"})
    assert moved.status_code == 409
    assert desk.page(moved).select_one("#authority")["value"] == "Annanstad"
    assert "Exempelstad" in desk.page(moved).select_one(".others").text


def test_an_administrator_uploads_a_logo_sees_it_and_takes_it_away(desk):
    for raw in (b"<svg/>", b"", b"x" * 199_999):
        answer = upload(desk, "/face/logo", raw)
        assert answer.status_code == 422
        assert desk.page(answer).select_one("#logo-error")
    too_large = upload(desk, "/face/logo", b"x" * 1_000_000)
    assert too_large.status_code == 413
    assert "200 kB" in too_large.text
    # The name and the type that a browser gives it say nothing.
    assert upload(desk, "/face/logo", a_jpeg(), "x.svg").status_code == 303
    shown = desk.get("/face").select_one(".logo-now img")
    got = desk.client.get(shown["src"], base_url=desk.base)
    assert (got.mimetype, got.data) == ("image/jpeg", a_jpeg())
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert desk.post("/face/logo/remove").status_code == 303
    assert not desk.get("/face").select(".logo-now")
    for gone in (shown["src"], "/pictures/99999999999"):
        assert desk.client.get(gone, base_url=desk.base).status_code == 404


def test_an_administrator_gives_a_council_a_picture(desk):
    path = "/councils/torget/picture"
    assert desk.client.get("/councils/inget/picture", base_url=desk.base).status_code == 404
    refused = upload(desk, path, b"nej", alt="")
    assert refused.status_code == 422
    page = desk.page(refused)
    assert page.select("#picture-error")
    assert page.select("#alt-error")
    assert upload(desk, path, a_png(), alt="Torget").status_code == 303
    assert desk.post(path, alt="Torget i sol").status_code == 303  # the words alone
    shown = desk.get(path).select_one(".picture-now img")
    assert shown["alt"] == "Torget i sol"
    # As large as it may be, with the form around it.
    large = a_png() + b"x" * (face.MAX_PICTURE_BYTES - len(a_png()))
    assert upload(desk, path, large, alt="Torget").status_code == 303
    assert upload(desk, path, large + b"x", alt="Torget").status_code == 422
    with db.Session() as session:
        assert session.scalar(select(func.count()).select_from(Picture)) == 1
    assert desk.post(f"{path}/remove").status_code == 303
    assert desk.post("/councils/inget/picture/remove").status_code == 404
    with db.Session() as session:
        assert session.scalars(select(Council.picture_alt)).all() == [""]
        assert session.scalar(select(func.count()).select_from(Picture)) == 0


def test_the_log_says_all_of_it_in_words(desk):
    assert "face." not in desk.get("/audit").select_one("main").text
    assert "Bytte logotyp." in desk.get("/audit?kind=face").select_one("main").text
