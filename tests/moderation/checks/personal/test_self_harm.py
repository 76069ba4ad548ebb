"""Despair is told so that somebody reads it now; prevention and grief are not."""

import pytest

from services.moderation.checks import CHECKS, Code, Equipment, Subject, run_all, self_harm, tone
from services.moderation.checks.explanations import explain_finding
from services.moderation.checks.verdict import Lane, combine_findings
from services.moderation.checks.wording.lexicon import Term, lexicon_of

lexicon_of()
CHECK = next(check for check in CHECKS if check.name == "self_harm")


def despair(text):
    found = list(CHECK.run(Subject(text)))
    assert [f.code for f in found] == [Code.SELF_HARM] * len(found)
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(
    "text",
    [
        "Jag orkar inte leva längre.",
        "jag orkar inte leva",
        "Nu orkar jag inte leva längre",
        "Jag vet att jag inte vill leva",
        "Jag vill bara dö.",
        "Ibland vill jag bara dö",
        "Jag tänker ta mitt liv i helgen.",
        "Jag ska ta livet av mig",
        "Snart tar jag livet av mig",
        "Jag har tankar på att ta mitt liv",
        "Jag planerar att hoppa från bron",
        "Jag har självmordstankar och ingen lyssnar",
        "Jag tänker på självmord varje dag",
        "Jag funderar på att göra slut på allt",
        "Jag skär mig själv",
        "Jag ser ingen mening med att leva",
        "Det finns inget kvar att leva för",
        "Livet är inte värt att leva",
        "Jag har tappat livslusten",
        "Alla skulle må bättre utan mig",
        "Det vore bättre om jag inte fanns",
        "Ingen skulle sakna mig",
        "Jag önskar att jag var död",
        "Jag önskar att jag aldrig hade fötts",
        "Jag vill somna och aldrig vakna",
        "Det här är mitt avskedsbrev",
        "När ni läser det här är jag inte kvar",
        "Min son vill inte leva längre",
        "Min son säger att han vill dö",
        "Min dotter hotar att ta sitt liv",
        "Vår granne pratar om att ta livet av sig",
        "I don't want to live anymore",
        "I want to kill myself",
        "I am going to end my life",
        "Everyone would be better off without me",
        "I have no reason to live",
        "My daughter wants to kill herself",
        "Jeg orker ikke leve mer",
        "Jeg vil bare dø",
        "Jeg har selvmordstanker",
        "Jeg vil tage livet af mig selv",
        "En jaksa enää elää",
        "Haluan kuolla",
        "jag 0rkar inte l3va",
        "Jag har skrivit brev till barnen så att de förstår varför",
        "Det gör så ont att leva",
        "Det gör så ont att leva att jag inte orkar",
        "Det hjälper när jag skär mig",
        "It hurts less when I cut",
        "Jag vill aldrig öppna ögonen igen",
        "Alla skulle må bättre om jag inte fanns",
        "Jag skadar mig varje kväll",
        "I hurt myself",
        "I hurt myself every night",
        "Snart är det över, jag slutar andas",
        "Min son säger att hen vill dö",
    ],
)
def test_somebody_may_be_in_danger(text):
    finding = despair(text)
    assert finding is not None
    assert finding.severity == "high"
    words = [text[start:end] for start, end in finding.spans]
    assert all(words)
    assert words[0] in explain_finding(finding, text)
    assert combine_findings(run_all(Subject(text)).findings).lane is Lane.URGENT


@pytest.mark.parametrize(
    "text",
    [
        "Kommunen behöver en plan för att förebygga självmord",
        "Självmord bland unga män ska minska",
        "Man ska våga fråga om någon tänker begå självmord",
        "Att någon tar sitt liv är en sorg för hela bygden",
        "Min bror tog sitt liv förra året och vi vill ha en samtalsgrupp",
        "Var tionde tonåring har tänkt på självmord",
        "Unga som har självmordstankar behöver hjälp",
        "Jag orkar inte leva i det här bullret",
        "Jag vill inte leva utan min trädgård",
        "Jag vill inte dö på det där övergångsstället",
        "Jag dör av skratt",
        "Jag höll på att ta livet av mig på den isiga trappan",
        "Jag är så trött på livet i stan att jag flyttar",
        "Jag vill leva här länge",
        "Jag vill dö här, i min egen säng, när jag blir gammal",
        "Jag ser ingen mening med två skyltar",
        "Jag skar mig på en burk på stranden",
        "Det går bättre utan mig i styrelsen",
        "Jag tänker inte ta livet av mig",
        "The traffic here is killing me",
        "I would kill for a swimming pool",
        "We want to prevent suicide in our schools",
        "I don't want to live in a city without trees",
        "Tyvärr är jag inte längre bilburen",
        "Just nu är jag inte i stan",
        "Det vore bättre för alla om jag inte behövde ta bilen",
        "Jag har beslutat att avsluta mitt medlemskap",
        "I have decided to end my subscription",
        "Jag orkar inte med det här längre, bussen är alltid sen",
        "Jag kunde andas frisk luft i parken",
        "Jag slutade andas in avgaser",
        "Skolan har skrivit brev till föräldrarna så att de förstår varför vägen stängs",
        "Det gör ont att leva nära motorvägen",
        "Det hjälper när jag skär bort grenarna",
        "Mina barn kan aldrig öppna ögonen mer i simhallen",
        "Jag mår bättre om jag inte fanns i köerna",
        "Jag är rädd att jag skadar mig när det är halt",
        "I hurt myself when I slipped on the icy path",
        "Bygg en enklare väg ut för mig som sitter i rullstol",
        "Vi säger hejdå till alla sexor i juni",
        "Jag står på perrongen och tänker på hur sena tågen är",
        "Jag ser ingen morgondag för biblioteket",
        "Personalen ska veta vad de gör när någon skriver att hen vill dö",
    ],
)
def test_what_is_no_despair(text):
    finding = despair(text)
    assert finding is None or finding.severity == "low"
    assert Code.THREAT not in {f.code for f in run_all(Subject(text)).findings}


@pytest.mark.parametrize(
    ("text", "severity", "score"),
    [
        ("Jag vill dö", "high", 0.9),
        ("Sången ”Jag vill dö” spelas i radio", "medium", 0.45),
        ("Mitt liv är meningslöst", "medium", 0.6),
        ("Skrev brev till barnen så att de förstår varför jag inte finns", "high", 0.9),
        ("Det finns ingen väg ut för mig", "medium", 0.6),
        ("Jag ser ingen morgondag", "medium", 0.6),
        ("Jag säger hejdå till alla", "medium", 0.6),
        ("Jag står på perrongen och tänker på tågen", "medium", 0.6),
        ("Jag orkar inte mer", "low", 0.3),
    ],
)
def test_how_soon_somebody_should_look(text, severity, score):
    finding = despair(text)
    assert (finding.severity, finding.score) == (severity, score)


def test_the_gravest_place_decides_and_all_are_marked():
    text = "Jag orkar inte mer. Jag vill bara dö."
    finding = despair(text)
    assert finding.severity == "high"
    assert [text[a:b] for a, b in finding.spans] == ["Jag orkar inte mer", "Jag vill bara dö"]


def test_a_threat_is_still_a_threat_and_not_despair():
    for text in ("Ta livet av dig", "Begå självmord!", "Häng dig", "kys"):
        assert despair(text) is None
        assert Code.THREAT in {f.code for f in run_all(Subject(text)).findings}, text


def test_the_name_beside_the_text_is_no_despair():
    assert not list(CHECK.run(Subject("Fler bänkar", "Jag vill dö")))


def test_tone_says_nothing_of_it():
    tones = tone.make_check(Equipment())
    assert not list(tones.run(Subject("Jag orkar inte leva längre.")))


def test_what_staff_allow_is_spared():
    words = {"allow": (Term("allow", "jag vill dö"),)}
    check = self_harm.make_check(Equipment(words=words))
    assert not list(check.run(Subject("Pjäsen Jag vill dö")))
