"""Something grave said of one person who can be known; of nobody it is no accusation."""

import pytest

from services.moderation.checks import CHECKS, Code, Subject, run_all
from services.moderation.checks.explanations import explain_finding

CHECK = next(check for check in CHECKS if check.name == "accusations")


def accused(text):
    found = list(CHECK.run(Subject(text)))
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        # A name and a crime, or abuse.
        ("Kent Larsson (handläggare) stjäl ur kassan", "high"),
        ("Läraren Kent Larsson tafsar på eleverna", "high"),
        ("Kent Larsson slår sina barn", "high"),
        ("Kent Larsson är en pedofil", "high"),
        ("Pedofilen Kent Larsson bor kvar", "high"),
        ("Kent Larsson är dömd för misshandel", "high"),
        ("Akta er för Kent Larsson. Han säljer knark", "high"),
        ("Handläggaren Kent Larsson tar mutor", "medium"),
        ("Kent Larsson på socialkontoret sprider mina uppgifter", "medium"),
        ("Kent Larsson är alkoholist", "medium"),
        ("Kent Larsson har schizofreni", "medium"),
        # A home.
        ("På Storgatan 14 bor en alkoholist", "medium"),
        ("Familjen på Storgatan 7 slår sina barn", "high"),
        ("Mannen som bor på Storgatan 14 säljer knark", "high"),
        ("Det bor en pedofil på Storgatan 14", "high"),
        # A relation, a role with its place.
        ("Min granne slår sin fru", "medium"),
        ("Min chef är alkoholist", "medium"),
        ("Läraren på Ekskolan tafsar på eleverna", "medium"),
        ("Tränaren i klubben tafsar på tjejer", "medium"),
        ("Vår hyresvärd tar mutor", "medium"),
        # In their office those in power may be judged by everybody; at home they are as others.
        ("Kommunalrådet Kent Larsson tar mutor", "low"),
        ("Borgmästaren Kent Larsson är korrupt", "low"),
        ("Kommunalrådet Kent Larsson slår sin fru", "high"),
        # What is taken, kept, seen, driven and paid, in words that mean other things as well.
        ("Anna Berg säljer stulna cyklar", "high"),
        ("Anna Berg sells stolen bikes", "high"),
        ("Anna Berg gillar småflickor", "high"),
        ("Anna Berg stjäl hennes medicin", "high"),
        ("Anna Berg filmar barnen i duschen", "high"),
        ("Anna Berg kör full till skolan", "high"),
        ("Anna Berg kör eleverna onykter", "high"),
        ("Anna Berg snor pengar", "high"),
        ("Anna Berg betalar personalen svart", "high"),
        ("Anna Berg låser in barnen", "high"),
        ("Läkaren på vårdcentralen sprider journaler", "medium"),
        ("Läkaren på vårdcentralen lämnar ut journaler till vem som helst", "medium"),
        ("Anna Berg fick en resa betald av byggbolaget", "medium"),
        ("Min chef är dement", "medium"),
        ("Min mamma är alkoholist", "medium"),
        # English.
        ("My neighbour beats his wife", "medium"),
        ("Kent Larsson is a paedophile", "high"),
    ],
)
def test_who_is_accused_of_what(text, severity):
    finding = accused(text)
    assert finding is not None
    assert (finding.code, finding.severity) == (Code.ACCUSATION, severity)
    sentence = explain_finding(finding, text)
    assert all(text[start:end] in sentence for start, end in finding.spans)
    assert len(finding.spans) >= 1


@pytest.mark.parametrize(
    "text",
    [
        "Tjuvar stjäl cyklar vid stationen varje natt",
        "Den som tafsar ska anmälas",
        "Unga langar droger vid stationen",
        "Missbrukare samlas i parken och behöver vård",
        "En man blev misshandlad utanför krogen",
        "Någon rånade Kent Larsson i parken",
        "Kent Larsson vill att polisen tar dem som säljer knark",
        "Rektorn på Ekskolan måste stoppa dem som mobbar",
        "Rektorn på Ekskolan slår vakt om sina elever",
        "Kent Larsson stjäl inte",
        "Om Kent Larsson tar mutor ska det utredas",
        "På Storgatan 12 stjäl någon cyklar",
        "Bygg ett behandlingshem för alkoholister på Storgatan 14",
        "Måsarna stjäl glass av barnen på torget",
        "Jag är alkoholist och vill ha en träffpunkt",
        "Kent Larsson slog rekord i höjdhopp",
        "Läraren på Ekskolan är bäst",
        "Stoppa mobbarna på Ekskolan",
        "Anna Berg köpte stolen på loppisen",
        "Polisen Anna Berg har vapen",
        "Anna Berg har minderåriga barn",
        "Min granne har minderåriga barn och ingen lekplats",
        "Anna Berg tar våra cyklar till verkstaden",
        "Anna Berg tar hennes medicin till apoteket",
        "Anna Berg tittar på barnen i badhuset",
        "Anna Berg kör eleverna full fart till skolan",
        "Anna Berg kör full fart till skolan",
        "Min lärare ger betyg för sent",
        "Läkaren på vårdcentralen ger recept utan att lyssna",
        "Min handläggare lämnar besluten för sent",
        "Anna Berg på biblioteket delar ut papper om läxhjälp",
        "Min dotter får resa gratis med bussen",
        "Min farmor får middag gratis på boendet",
        "Min son har snor i näsan",
        "Min granne betalar ingenting",
        "Vår granne har folk svart på vitt",
        "Min granne stänger in katterna på natten",
        "Min granne stänger in sina katter på natten",
        "Min mamma har demens",
        "Min man är dement",
    ],
)
def test_what_accuses_nobody(text):
    assert accused(text) is None


def test_who_and_what_are_both_marked():
    text = "Det är för många bilar. Kent Larsson på kontoret tar mutor."
    finding = accused(text)
    assert [text[a:b] for a, b in finding.spans] == ["Kent Larsson", "tar mutor"]


def test_it_is_personal_data_and_asks_for_care():
    found = run_all(Subject("Min granne slår sin fru")).findings
    assert Code.ACCUSATION in {f.code for f in found}


@pytest.mark.parametrize(
    "text",
    [
        "More help for the homeless in Weston-Super-Mare!",
        "Hon är en super-hora",
        "Kalle Berg är en ex-knarkare",
        "0-knarkare",
        "knarkare",
    ],
)
def test_what_is_said_may_begin_inside_a_word_and_at_either_end(text):
    assert run_all(Subject(text)).unchecked == ()
