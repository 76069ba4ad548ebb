"""What a system begins with: the rules, in its own city's name, and four councils as a sample.

The facts of the councils are those of Helsingborg's own page about its invånarråd; the rules are
the seven by which that city says that it handles comments, and one for what the law forbids. They
are a beginning: an administrator confirms them, words them anew or takes them out of use.
"""

from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as SqlSession

from shared.models import Council, Rule

COUNCILS: tuple[dict[str, Any], ...] = (
    {
        "slug": "invanarrad-1",
        "title": "Det första invånarrådet",
        "theme": "Framtidens Helsingborg",
        "held_label": "28 januari 2021",
        "held_on": date(2021, 1, 28),
        "introduction": (
            "Här frågade vi brett. Hur ser du på framtidens Helsingborg? Vilka utmaningar finns? "
            "Vilka goda kvaliteter har Helsingborg som vi kan bygga vidare på?\n\n"
            "Utifrån det som kom fram valdes teman för de kommande träffarna: mötesplatser, dialog "
            "och inflytande, och miljö och klimat."
        ),
    },
    {
        "slug": "motesplatser",
        "title": "Det andra invånarrådet",
        "theme": "Mötesplatser",
        "held_label": "25 maj 2021",
        "held_on": date(2021, 5, 25),
        "introduction": (
            "Här diskuterade vi hur vi vill mötas i Helsingborg, lyfte fram goda exempel och "
            "pratade om hur vi kan komma vidare."
        ),
    },
    {
        "slug": "pizza-och-politik",
        "title": "Pizza och politik",
        "theme": "Att göra lokalpolitiken tillgänglig",
        "held_label": "18 november 2021",
        "held_on": date(2021, 11, 18),
        "introduction": (
            "Det tredje invånarrådet hölls på Tryckeriet, och vi bjöd på pizza. Invånare hjälpte "
            "staden att testa idéer för hur vi kan skapa en infrastruktur för dialog mellan valen, "
            "göra det möjligt för invånare att få information om beslut som påverkar dem, och ge "
            "skolelever en upplevelse av den lokala demokratin på plats i rådhuset."
        ),
    },
    {
        "slug": "miljo-och-klimat",
        "title": "Det fjärde invånarrådet",
        "theme": "Miljö och klimat",
        "held_label": "hösten 2022",
        "held_on": None,
        "introduction": "Det fjärde invånarrådet har temat miljö och klimat.",
    },
)

# `{authority}` is the city whose system it is.
RULES: tuple[dict[str, str], ...] = (
    {
        "code": "secret",
        "title_sv": "Sekretess",
        "text_sv": "Skriv inte sådant som är hemligt eller som du har tystnadsplikt om.",
        "title_en": "Secrecy",
        "text_en": "Do not write what is secret, or what you have a duty to keep silent about.",
    },
    {
        "code": "insult",
        "title_sv": "Kränkningar",
        "text_sv": "Skriv inte sådant som kränker, hotar eller förolämpar någon.",
        "title_en": "Insults",
        "text_en": "Do not write anything that offends, threatens or insults somebody.",
    },
    {
        "code": "personal-data",
        "title_sv": "Personuppgifter",
        "text_sv": (
            "Var försiktig med personuppgifter, dina egna och andras: namn, adress, telefonnummer "
            "och personnummer."
        ),
        "title_en": "Personal data",
        "text_en": (
            "Be careful with personal data, your own and others': names, addresses, telephone "
            "numbers and personal identity numbers."
        ),
    },
    {
        "code": "spam",
        "title_sv": "Skräp",
        "text_sv": "Skräppost tas bort.",
        "title_en": "Spam",
        "text_en": "Spam is removed.",
    },
    {
        "code": "repeat",
        "title_sv": "Upprepningar",
        "text_sv": "Samma inlägg flera gånger tas bort, så att det bara står en gång.",
        "title_en": "Repeated posts",
        "text_en": "The same post several times is removed, so that it stands only once.",
    },
    {
        "code": "advertising",
        "title_sv": "Reklam",
        "text_sv": "Reklam för företag tas bort.",
        "title_en": "Advertising",
        "text_en": "Advertising for companies is removed.",
    },
    {
        "code": "off-topic",
        "title_sv": "Gäller inte {authority}",
        "text_sv": "Det du skriver ska gälla {authority} med omnejd.",
        "title_en": "Not about {authority}",
        "text_en": "What you write must concern {authority} and its surroundings.",
    },
    {
        "code": "unlawful",
        "title_sv": "Olagligt innehåll",
        "text_sv": (
            "Sådant som lagen förbjuder tas bort genast, till exempel hot, hets mot folkgrupp och "
            "uppvigling."
        ),
        "title_en": "Unlawful content",
        "text_en": (
            "What the law forbids is removed at once, such as threats, agitation against a "
            "population group, and incitement."
        ),
    },
)


def seed_councils(session: SqlSession) -> None:
    """Create the four councils, open without an end; those that exist are left as they are."""
    session.execute(
        insert(Council).values(list(COUNCILS)).on_conflict_do_nothing(index_elements=["slug"])
    )


def seed_rules(session: SqlSession, authority: str = "Exempelstad") -> None:
    """Create the first version of each rule that has none, in the name of the city."""
    known = set(session.scalars(select(Rule.code)))
    for rule in RULES:
        if rule["code"] not in known:
            words = {name: said.replace("{authority}", authority) for name, said in rule.items()}
            session.add(Rule(**words))
