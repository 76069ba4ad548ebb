"""A moderator in a hurry does no harm: a mixed morning by keys alone, at full speed."""

from collections.abc import Sequence

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from shared.models import Decision, FindingRow, Idea, IdeaStatus
from tests.factories import a_council, an_idea
from tests.journeys.conftest import Open
from tests.moderation.checking.test_checking import check

pytestmark = pytest.mark.browser

GRAVE = (
    "Jag ska döda dig om ni river parken.",
    "Jag spränger stadshuset i morgon.",
    "Jävla negrer, ut ur stan.",
    "Jag heter Moa Lind och är 11 år. Vi vill ha en gunga.",
    "Mitt personnummer är 811218-9876, ring mig om bänken.",
)
SPAM = ("BILLIGA klockor köp nu på https://klockor-billigt.example/klockor!!!",)
# All different: what is alike stands in the queue as one.
ORDINARY = """
Fler bänkar med ryggstöd längs vattnet.
Odla bär runt förskolan på Söder.
En scen där ungdomar spelar musik om sommaren.
Cykelgarage med tak vid stationen.
Låt biblioteket ha öppet på söndagar.
Klippt gräs och mål på fotbollsplanen i Dalhem.
Ett utegym för äldre bredvid vårdcentralen.
Belysning på gångvägen genom skogen.
Dricksvatten i hamnen åt hundar och barn.
Måla elskåpen med konst från skolorna.
Fartgupp på Kullagatan, bilarna kör för snabbt.
Rullstolsramp ner till stranden i Råå.
En skejtpark av betong i Planteringen.
Bussen borde gå var tionde minut på kvällen.
Byt lysrören i simhallens omklädningsrum.
Loppis på torget första lördagen i månaden.
Soptunnor med lock, måsarna drar ut skräpet.
Plantera lindar där almarna fälldes.
Gratis kurser i svenska på caféet.
Fler kolonilotter, kön är åtta år lång.
Sätt upp fågelholkar i Slottshagen.
Öppna toaletterna i parken tidigare på våren.
En karta över lekplatser i kommunens app.
Hyr ut kajaker vid norra piren.
Schackbord av sten utanför konserthuset.
Trafikljus med ljud vid Drottninghögsvägen.
Ge tunneln under järnvägen nya fönster.
Ordna en julmarknad med hantverk från trakten.
Laga hålen i asfalten på Furutorpsgatan.
Vindskydd vid hållplatsen i Ödåkra.
Isbana på rådhustorget om vintern.
Namnge en rondell efter stadens första kvinnliga läkare.
""".strip().splitlines()


def press(page: Page, *keys: str) -> None:
    """Press keys as a person does: when the page has been seen."""
    page.locator("html[data-ready]").wait_for(state="attached")
    for key in keys:
        page.keyboard.press(key)


def comes(session: SqlSession, texts: Sequence[str]) -> list[Idea]:
    council = a_council(session)
    ideas = [an_idea(session, council, text=text) for text in texts]
    check(session, *ideas)
    return ideas


def public(session: SqlSession) -> set[str]:
    """Return the texts that everybody can read."""
    session.rollback()
    return set(session.scalars(select(Idea.public_text).where(Idea.status == IdeaStatus.PUBLISHED)))


def shown_grave(session: SqlSession) -> list[tuple[str, list[str]]]:
    """Return what is public with a high finding in it, and what was named when it became so."""
    rows = session.execute(
        select(Idea.public_text, Decision.before["acknowledged"])
        .join(Decision, Decision.idea_id == Idea.id)
        .join(FindingRow, FindingRow.idea_id == Idea.id)
        .where(FindingRow.severity == "high", FindingRow.text_version == Idea.public_version)
    )
    return [(text, named) for text, named in rows]


def test_one_by_one_an_ordinary_idea_takes_one_key_and_a_grave_one_is_named(
    sign_in: Open, session: SqlSession
):
    ordinary = ORDINARY[:12]
    comes(session, [*GRAVE, *SPAM, *ordinary])
    page = sign_in("Anna")
    press(page, "j", "Enter")
    keys = 2
    grave: set[str] = set()
    while len(grave) <= len(GRAVE):
        number = page.locator("#idea-heading").inner_text()
        press(page, "p")
        keys += 1
        if page.locator("details[open] [name=acknowledged]").count():
            if number in grave:
                break
            # Pressed again in a hurry it does nothing more; one goes on to the next.
            grave.add(number)
            press(page, "p", "j")
            keys += 1
        page.wait_for_function(
            "number => document.querySelector('#idea-heading')?.textContent !== number",
            arg=number,
        )
    assert public(session) == {*ordinary, *SPAM}
    assert len(grave) == len(GRAVE)
    assert shown_grave(session) == []
    assert keys <= len(ordinary) + 15
    # The one that shall be public all the same is named, and the books say so.
    press(page, "g", "q")
    press(page, "j", "Enter")
    press(page, "p")
    box = page.locator("[name=acknowledged]").first
    expect(box).to_be_focused()
    named = box.get_attribute("value")
    press(page, "Space", "Control+Enter")
    expect(page.locator(".undo-bar")).to_contain_text("Publicerad")
    session.rollback()
    assert [codes for _text, codes in shown_grave(session)] == [[named]]


def test_many_at_once_leave_what_is_grave_and_take_it_one_by_one(
    sign_in: Open, session: SqlSession
):
    comes(session, [*GRAVE, *ORDINARY[:20]])
    page = sign_in("Anna")
    page.locator("[data-choose-all] input").focus()
    press(page, "Space", "b")
    expect(page.locator("h1")).to_contain_text("25")
    # What is grave starts without a tick; here all are ticked in a hurry.
    expect(page.locator(".items .grave")).to_have_count(len(GRAVE))
    expect(page.locator(".items .grave .choose input:checked")).to_have_count(0)
    page.locator("[data-choose-all] input").focus()
    press(page, "Space")
    # The button counts what will become public, the other one all that are ticked.
    expect(page.locator("[value=publish] [data-chosen]")).to_have_text("(20)")
    expect(page.locator("[value=reject] [data-chosen]")).to_have_text("(25)")
    press(page, "p")
    expect(page.locator("h1")).to_have_text("20 idéer publicerade")
    assert public(session) == set(ORDINARY[:20])
    expect(page.locator(".notice")).to_contain_text("5 idéer är inte publika")
    press(page, "b")
    expect(page.locator("ol.items > li")).to_have_count(len(GRAVE))
    box = page.locator("[name=acknowledged]").first
    named = box.get_attribute("value")
    assert named is not None
    box.focus()
    press(page, "Space")
    expect(page.locator(".items .choose input:checked")).to_have_count(1)
    press(page, "p")
    expect(page.locator(".undo-bar")).to_contain_text("1 idé publicerad")
    number, code = named.split(":")
    [(text, codes)] = shown_grave(session)
    assert (codes, text in GRAVE) == ([code], True)
    assert number == session.scalar(select(Idea.number).where(Idea.public_text == text))


def test_a_name_is_masked_wherever_it_stands(sign_in: Open, session: SqlSession):
    council = a_council(session)
    text = "Hej, jag heter Moa Lind och är 11 år.Jag vill bada. Moas syster också."
    idea = an_idea(session, council, text=text, author="Moa")
    check(session, idea)
    page = sign_in("Anna")
    press(page, "j", "Enter")
    words = page.get_by_role("group", name="Orden i texten")
    for word in ("Moa", "Lind", "år", "Moas"):
        pressed = words.get_by_role("button", name=word, exact=True)
        expect(pressed).to_have_attribute("aria-pressed", "true")
    # Where a full stop has lost its space two words are two.
    expect(words.get_by_role("button", name="Jag", exact=True)).to_have_attribute(
        "aria-pressed", "false"
    )
    expect(page.locator("[name=mask_author]")).to_be_checked()
    press(page, "x", "Control+Enter")
    expect(page.locator(".say .words")).to_have_text(
        "Hej, jag heter [maskat] och är [maskat].Jag vill bada. [maskat] syster också."
    )
    expect(page.locator(".say .author")).to_contain_text("Anonym")


def test_what_is_pasted_is_counted_and_never_cut(sign_in: Open, session: SqlSession):
    comes(session, ORDINARY[:1])
    page = sign_in("Anna")
    press(page, "j", "Enter")
    press(page, "r")
    reason = page.locator("#reason-text")
    pasted = "x" * 1990 + " Svara före fredag."
    reason.fill(pasted)
    expect(reason).to_have_value(pasted)
    expect(page.locator("#reason-text + .count-over")).to_have_text(
        "2\N{NO-BREAK SPACE}009 / 2\N{NO-BREAK SPACE}000"
    )
    page.locator("#rule").select_option("spam")
    reason.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("2000")
    expect(reason).to_have_value(pasted)
