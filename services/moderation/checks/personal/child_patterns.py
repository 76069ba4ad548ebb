"""How a child tells its age, its school year, its school and its name: patterns by language.

Every pattern of AGES has a group `age`: a number, a number in words, or a school year; some have a
group `name`. All repeats are bounded, so that the work grows with the text only.
"""

import re

_SWEDISH = (
    *("noll", "ett", "två", "tre", "fyra", "fem", "sex", "sju", "åtta", "nio", "tio", "elva"),
    *("tolv", "tretton", "fjorton", "femton", "sexton", "sjutton"),
)
_NORDIC = (
    *("null", "en", "to", "tre", "fire", "fem", "seks", "syv", "åtte", "ni", "ti", "elleve"),
    *("tolv", "tretten", "fjorten", "femten", "seksten", "sytten"),
)
_ENGLISH = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
)
_ORDINALS = "första|andra|tredje|fjärde|femte|sjätte|sjunde|åttonde|nionde"
_CARDINALS = "ettan|tvåan|trean|fyran|femman|sexan|sjuan|åttan|nian"

_WORDS = "|".join(dict.fromkeys((*_SWEDISH[2:], *_NORDIC[6:], "otte")))
N = rf"(?:\d{{1,2}}|{_WORDS})"
_HALF = r"(?:\s?½|[.,]5|\s(?:och\s(?:ett|en)\s(?:halvt?|halv)|o\shalvt?))?"
YEARS = (
    rf"{N}{_HALF}(?:\s?-?\s?år(?:ig[aet]?|ing)?|\sbast|\s?-?\s?åring(?:ar)?|\s?-?\s?(?:years?|yrs?)(?:\s|-)old"
    r"|\s?-?\s?y/?o)(?!\w)"
)
# An age and not a time that passed.
OLD = rf"(?P<age>{YEARS})(?!\s(?:äldre|yngre|sedan|sen|i\srad|efter|före|framåt|tillbaka|på)\b)"
# Accents may be combining marks, which are no letters to a regular expression.
_LETTER = r"[\w'’\u0300-\u036f]"
NAME = rf"[A-ZÅÄÖÉÜØÆŽŠČ]{_LETTER}{{1,30}}(?:-[A-ZÅÄÖ]{_LETTER}{{1,30}})?"
NAMES = rf"{NAME}(?:\s{NAME}){{0,2}}"
_IS = r"(?:är|e|ä|blir|fyller|fyllde|har\sfyllt)"
_KID = (
    r"(?:kille|tjej|pojke|flicka|barn|elev|kompisar|killar|tjejer|pojkar|flickor|elever|ungdom"
    r"|ungdomar|tonåring)"
)
# One to three small words between the verb and the age: "jag är bara", "jag är en kille på".
_FILLER = (
    r"(?:(?:bara|nu|precis|snart|nästan|själv|en|ett|två|tre|fyra|några|också|ju|alltså|endast|typ"
    rf"|liten|grupp|gäng|och|är|som|{_KID}|på)\s){{0,5}}"
)
_GOES_ON = r"(?:går|bor|heter|tycker|vill|önskar|gillar|undrar|spelar|har)"

# "Jag är 11 år", "jag som är en tjej på elva år", "vi är två killar på 12 år", "jag fyller 9 år".
_SELF = re.compile(
    rf"\b(?i:(?:jag|ja|vi)\s(?:som\s|och\smina?\s\w{{2,12}}\s)?(?:\w{{2,8}}\s)?{_IS}\s{_FILLER}{OLD})"
)
# "Jag, Minna 11 år, vill", "jag är Minna, 11 år".
_SELF_NAMED = re.compile(
    rf"\b[Jj]ag(?:,?|\s(?:är|e))\s(?P<name>{NAMES})(?:,\s|\s(?:och\s)?|\s\()(?:(?:är|e)\s)?(?i:{OLD})"
)
# "Jag, 12 år, tycker".
_SELF_ASIDE = re.compile(rf"\b(?i:jag)\s?[,(]\s?(?i:{OLD})")
# "Tjej, 12 år" where a line begins or ends.
_KID_SIGNED = re.compile(
    rf"(?:\A|[\n.!?/–—-]\s{{0,3}})(?i:(?:en\s)?(?:kille|tjej|pojke|flicka|elev)(?:,?\s|\s\()(?:på\s)?"
    rf"(?P<age>{YEARS}))"
)
_AS_ONE = re.compile(
    rf"\b(?i:som\s(?:en\s)?(?P<age>{N}\s?-?\s?åring)\s(?:tycker|vill|önskar|känner|har|är|kan|får)\sjag\b)"
)
# "Jag är 11 och går i femman.": no "år", so what follows must end the thought.
_SELF_BARE = re.compile(
    rf"\b(?i:jag\s(?:som\s)?{_IS}\s(?:bara\s)?(?P<age>{N})"
    rf"(?=\s?(?:[.!,]\s|[.!]?\s{{0,3}}\Z|(?:och|o|å|so)\s{_GOES_ON}\b)))"
)
# "Jag fyller 12 i maj", "jag är född 2013" (who was born in 2009 is 17 in 2026; no clock is asked,
# for the same text must always give the same).
_SELF_BORN = re.compile(
    rf"\b(?i:jag\s(?:fyller|fyllde)\s(?:bara\s)?(?P<age>{N})(?=\s(?:i|snart|nästa|idag|imorgon|på)\b|[.,!]|\Z))"
)
_BORN = re.compile(r"\b(?i:jag\s(?:som\s)?är\sfödd\s(?:år\s)?)(?P<age>20(?:09|1\d|2\d))(?!\d)")
# "Är 12 år och tycker …": somebody who leaves out "jag" where a sentence begins.
_NO_SELF = re.compile(
    rf"(?:\A|[.!?\n]\s{{0,2}}|\b[Hh]ej[,!]?\s)(?i:(?:är|fyller)\s{_FILLER}{OLD}\s?,?\s(?:och\s|o\s)?{_GOES_ON}\b)"
)
# "Jag går i 4B", "vi i klass 5A"; not "oss ungdomar som går i årskurs 6-9".
YEAR_OF_SCHOOL = (
    r"(?P<age>(?i:årskurs|åk|klass)\.?\s?[1-9](?:\s?[A-Fa-f])?(?!\s?[-–]\s?\d|\w|\s(?:till|och|eller)\s\d)"
    rf"|(?i:årskurs|åk|klass)\s(?i:{'|'.join(_SWEDISH[1:10])})(?!\w|\s(?:till|och|eller)\s{N}\b)"
    rf"|(?i:{_CARDINALS})(?!\w)"
    rf"|(?i:{_ORDINALS})\s(?i:klass(?:en)?|årskurs(?:en)?)(?!\w)|[1-9]\s?-?[A-Fa-f](?!\w)"
    r"|[1-9]:?an(?!\w)|[1-9]:[ea]\s(?i:klass(?:en)?)(?!\w)"
    r"|(?i:förskoleklass(?:en)?|lågstadiet|mellanstadiet|högstadiet)(?!\w))"
)
_GRADE = re.compile(
    r"\b(?i:jag|vi)\s(?i:som\s)?(?i:\w{2,8}\s)?(?i:går|börjar|pluggar)\s"
    r"(?i:nu\s|bara\s|just\snu\s|fortfarande\s|(?:första|andra|sista)\såret\s)?(?i:i|på)\s"
    rf"{YEAR_OF_SCHOOL}"
)
_GRADE_ALONE = re.compile(
    r"(?:\A|[.!?\n,]\s?|\boch\s)(?i:går)\s(?i:nu\s)?(?i:i)\s"
    r"(?P<age>(?i:(?:klass|årskurs|åk)\s?)?[1-9]\s?-?[A-F](?!\w))"
)
# "Elsa i 4B", "/Elsa, 4B".
_NAMED_CLASS = re.compile(
    rf"(?P<first>{NAME})(?:,?\s(?:i|från)\s(?:klass\s|åk\s)?|,\s)(?P<age>[1-9]\s?-?[A-F])(?!\w)"
)
_CLASS = re.compile(
    r"\b(?i:vi|oss|jag|eleverna|(?P<pupils>elev|elever))\s(?i:som\s(?:är\s)?)?"
    r"(?i:är\s(?:\w{2,8}\s){1,2})?(?i:i|från)\s"
    # "Elever i årskurs 6" are all of a city’s, those in 6B are not.
    r"(?P<age>(?i:(?:klass|årskurs|åk)\s?)[1-9]\s?-?(?(pupils)[A-Fa-f]|[A-Fa-f]?)"
    r"(?!\s?[-–]\s?\d|\w|\s(?:till|och|eller)\s\d)|[1-9]-?[A-F](?!\w))"
)
_CLASS_SIGNED = re.compile(
    r"(?:[/–—\n]\s?|(?i:mvh|hälsningar|hälsar|önskar)[\s,:]{1,3}(?i:från\s)?)(?i:alla\si\s|eleverna\si\s)?"
    r"(?P<age>(?i:klass|årskurs|åk)\s?[1-9]\s?-?[A-Fa-f]?)(?!\w)[^\n.!?]{0,30}[.!]?\s{0,3}\Z"
)
# Schools for grown-ups, for dogs, for an evening a week.
NO_SCHOOL = "".join(
    f"(?i:(?<!{kind}))"
    for kind in (
        *(
            "hög",
            "musik",
            "kör",
            "trafik",
            "kultur",
            "dans",
            "balett",
            "sim",
            "hund",
            "rid",
            "segel",
        ),
        *("språk", "för", "golf", "tennis", "surf", "skid", "konst", "yrkes", "bil", "fri"),
    )
)
# "Jag går på Ekskolan": a school that bears a name, and none for grown-ups.
SCHOOL = re.compile(
    r"\b(?i:jag|vi)\s(?i:som\s)?(?i:går|pluggar|är\selev(?:er)?)\s(?i:på|i)\s"
    r"(?P<school>[A-ZÅÄÖÉ][\w’'\u0300-\u036f-]{1,30}(?:\s[A-ZÅÄÖ]?[\w-]{1,20}){0,2}?"
    rf"{NO_SCHOOL}(?:skolan?|skola))(?!\w)"
)
# "Min skola heter Ekskolan"; and a signature, "Hälsningar Elsa, Ekskolan", which may be a teacher's
# and therefore names nobody.
SCHOOL_OTHERWISE = re.compile(
    r"\b(?i:min\sskola\s(?:heter|är))\s(?P<school>[A-ZÅÄÖÉ][\w’'\u0300-\u036f-]{1,30}skolan?)(?!\w)"
    r"|(?i:hälsningar|hälsar|mvh|kram)[\s,:]{1,3}(?i:från\s)?"
    rf"(?P<signed>{NAME}(?:,\s|\s(?:på|från|i)\s|,\s(?:på|från|i)\s)"
    rf"[A-ZÅÄÖÉ][\w’'\u0300-\u036f-]{{1,30}}{NO_SCHOOL}skolan)(?!\w)"
)
# A signature: "Hannes, 9 år", "/Hannes 9 år", "Hälsningar Hannes 9 år från Råå", where a line ends.
_SIGNED = re.compile(
    r"(?:(?:\A|[\n.!?”\"(])\s{0,3}|(?P<cue>[/–—-]\s{0,3}|(?i:mvh|hälsningar|hälsar|från|av)[\s,:]{1,3}))"
    rf"(?!(?i:mvh|hälsningar|hälsar|från|av)\b)(?P<name>{NAMES})(?:,?\s|\s?[(–-]\s?)"
    rf"(?i:(?P<age>{YEARS}))\)?(?:,?\s(?i:från\s|i\s)?[A-ZÅÄÖ]\w{{1,20}})?"
    r"[.!]?[ \t]{0,3}(?:\n|\Z)"
)
# A name and a child's age beside each other, anywhere: "Elsa, 9 år, blev", "barnen Ella (7)".
_NAMED_AGE = re.compile(rf"(?P<first>{NAME})(?:,\s|\s\(|\s)(?i:(?P<age>{YEARS}))")
_NAMED_NUMBER = re.compile(
    r"\b(?i:barn|barnen|son|sonen|söner|sönerna|dotter|dottern|döttrar|döttrarna|syskonen|bror|syster|och)\s"
    rf"(?P<first>{NAME}),?\s\((?P<age>\d{{1,2}})\)"
)
# "Min 8-åriga dotter Elsa".
_RELATIVE_OF = re.compile(
    r"\b(?i:min|mitt|vår|vårt|hennes|hans|deras)\s(?i:(?P<age>\d{1,2}\s?-?\s?årig[ae]))\s"
    rf"(?i:son|dotter|bror|syster|barnbarn|pojke|flicka|kille|tjej)\s(?P<name>{NAME})"
)
# Somebody else's child, but only with its name: "min son Elis är 5 år", "vår dotter Elsa (7 år)".
_RELATIVE = re.compile(
    r"\b(?i:min|mitt|vår|vårt|hennes|hans|deras)\s(?i:(?:lilla|lille|äldsta|yngsta|stora)\s)?"
    r"(?i:son|dotter|barn|barnbarn|(?:lille|lilla|stora?)?(?:syster|bror)|kille|tjej|pojke|flicka"
    r"|klasskamrat|klasskompis|kompis|elev|systerson|brorson|dotterson|sonson|kusin)"
    rf"\s(?P<name>{NAME})(?:,|\s\(|\s)\s?(?i:(?:som\s)?(?:är|på|fyller|blir)\s)?(?i:(?P<age>{YEARS}))"
)
_SELF_ENGLISH = re.compile(
    r"\b(?:I(?:\s?am|['’]m)|im|i['’]m|i\sam)\s(?i:only\s|just\s|a\s|an\s|almost\s)?"
    rf"(?i:(?P<age>(?:\d{{1,2}}|{'|'.join(_ENGLISH[3:])})"
    r"(?:\s?-?(?:years?|yrs?)(?:\s|-)old\b|\s?y/?o\b|(?=\s?(?:[.!,]\s|[.!]?\s{0,3}\Z|and\s(?:go|live|i|my|want|love|like|think)\b)))))"
)
_AS_ONE_ENGLISH = re.compile(
    r"\b(?i:as\san?\s(?P<age>\d{1,2}(?:\s|-)years?(?:\s|-)old)\b,?\s(?:boy,?\s|girl,?\s|kid,?\s)?I\b)"
)
_GRADE_ENGLISH = re.compile(
    r"\b(?i:I(?:\s?am|['’]m|\sgo)|we(?:\sare|['’]re))\s(?i:in|to)\s"
    r"(?P<age>(?i:(?:the\s)?(?:\d{1,2}(?:st|nd|rd|th)|first|second|third|fourth|fifth|sixth|seventh|eighth)"
    r"\sgrade|grade\s\d{1,2}|year\s\d{1,2}|(?:elementary|primary|middle|secondary)\sschool))(?!\w)"
)
# Norwegian and Danish: "jeg er 11 år (gammel)", "vi er to jenter på 12 år", "jeg går i 5. klasse".
_SELF_NORDIC = re.compile(
    r"\b(?i:(?:jeg|eg|vi)\s(?:som\s|der\s)?(?:er|blir|bliver|fyller|fylder)\s"
    r"(?:(?:bare|kun|nå|nu|snart|en|ei|et|to|tre|gutt|gut|jente|jenter|gutter|dreng|pige|piger|drenge|på)\s){0,4}"
    rf"(?P<age>(?:\d{{1,2}}|{'|'.join(_NORDIC[3:])}|otte|sju)\s?år(?:\sgam(?:mel|mal|le))?)(?!\w))"
    r"(?!\s(?:eldre|ældre|yngre|siden))"
)
_GRADE_NORDIC = re.compile(
    r"\b(?i:(?:jeg|eg|vi)\s(?:går|gjekk)\s(?:nå\s|nu\s)?(?:i|på))\s"
    r"(?P<age>\d{1,2}\.?\s?(?i:klasse|trinn)|(?i:første|andre|anden|tredje|fjerde|femte|sjette|sjuende|syvende"
    r"|åttende|ottende|niende)\s(?i:klasse)|[1-9]\.?\s?[A-Fa-f](?!\w))(?!\w)"
)
# The languages that many in Sweden grow up with; the number alone is marked.
_SELF_OTHER = re.compile(
    r"(?i:\bolen\s(?P<fi>\d{1,2})[\s-]?vuotias|\bich\sbin\s(?:erst\s)?(?P<de>\d{1,2})(?:\sjahre\salt|(?=[.!,]|\sund))"
    r"|\bmam\s(?P<pl>\d{1,2})\slat(?=[.!,]|\si\s|\s{0,3}\Z)|(?<!\d)(?P<tr>\d{1,2})\syaşındayım"
    r"|\bimam\s(?P<bs>\d{1,2})\sgodin[ae](?=[.!,]|\si\s|\s{0,3}\Z)|\bwaxaan\sjiraa\s(?P<so>\d{1,2})"
    r"|عمري\s(?P<ar>\d{1,2})|(?P<fa>\d{1,2})\s?(?:ساله\sهستم|سالمه|سالم\sاست)|ez\s(?P<ku>\d{1,2})\ssalî\sme)"
)
INTRODUCED = re.compile(
    r"\b(?i:jag\s(?:som\s)?heter|mitt\snamn\sär|my\sname(?:\sis|['’]s)|jeg\s(?:heter|hedder)|eg\sheiter"
    r"|mitt?\snavn\ser|navnet\smitt\ser|nimeni\son|ich\shei(?:ß|ss)e|mam\sna\simię|benim\sadım"
    r"|zovem\sse|اسمي)\s"
    rf"(?P<name>[^\W\d_]{_LETTER}{{0,30}}(?:-{_LETTER}{{1,30}})?(?:\s{NAME}){{0,2}})"
)
# "…heter Minna och är 11 år", "jag heter Minna, bor i Råå och är elva år"; and the school.
INTRODUCED_AGE = re.compile(
    r"[^.!?\n\d]{0,60}?(?:\b(?i:är|e|fyller|blir|er|am)\s(?i:bara\s|snart\s|nu\s)?|,\s|\s?\()(?i:"
    + OLD
    + r")"
)
INTRODUCED_SCHOOL = re.compile(
    r"[^.!?\n\d]{0,60}?\b(?i:går|pluggar|är\selev)\s(?i:på|i)\s"
    r"(?P<school>[A-ZÅÄÖÉ][\w’'\u0300-\u036f-]{1,30}(?:\s[A-ZÅÄÖ][\w-]{1,20})?"
    rf"{NO_SCHOOL}(?:skolan?)|"
    rf"{YEAR_OF_SCHOOL.replace('?P<age>', '?:')})(?!\w)"
)
OTHERS = re.compile(
    r"(?i)\b(?:min|mitt|mina|vår|vårt|våra|hans|hennes|deras|son|sonen|dotter|dottern|barn|barnen"
    r"|syster|bror|skola|skolan|hund|hunden|katt|my|hund|sønn|søn|datter)\b"
)
IN_NAME = re.compile(
    rf"(?P<name>{NAMES})[\s,(–-]{{0,3}}(?i:(?P<age>{YEARS}|\d{{1,2}}(?=\)?\Z)|(?:klass|åk)\s?[1-9]\s?[A-F]?|[1-9][A-F]))\)?\Z"
)

# What tells of a school year: a word of these, or a number with a letter.
_CLASS_WORDS = ("klass", "kurs", "stadiet", *_CARDINALS.split("|"))
_GRADE_WORD = re.compile(r"\båk\b")
_CLASS_NUMBER = re.compile(r"[1-9](?:\s?-?[a-fA-F]\b|:?[aA][nN]\b|:[eaEA]\s)")


def tells_class(text: str) -> bool:
    """Tell whether a school year may be named; quicker than the patterns, and says so too often."""
    low = text.lower()
    if any(word in low for word in _CLASS_WORDS) or _GRADE_WORD.search(low):
        return True
    return _CLASS_NUMBER.search(text) is not None


# Patterns with "age" and perhaps "name", each group behind what all of them need, so that a text
# about benches is read a few times only.
AGES = (
    (
        re.compile(r"[\s\d½-]år|\sbast|[\s-]old|\dy/?o|\sy/?o", re.IGNORECASE).search,
        (
            _SELF,
            _SELF_NAMED,
            _SELF_ASIDE,
            _KID_SIGNED,
            _AS_ONE,
            _NO_SELF,
            _SIGNED,
            _RELATIVE,
            _RELATIVE_OF,
            _NAMED_AGE,
        ),
    ),
    (
        re.compile(r"\bjag\s(?:som\s)?(?:är|e|ä|blir|fyll)", re.IGNORECASE).search,
        (_SELF_BARE, _SELF_BORN),
    ),
    (
        tells_class,
        (_GRADE, _GRADE_ALONE, _CLASS, _CLASS_SIGNED, _NAMED_CLASS),
    ),
    (
        re.compile(
            r"\b(?:I\sam|I['’]?m|i['’]m|im|as\san?|I\sgo|we(?:\sa|['’])re)\s", re.IGNORECASE
        ).search,
        (_SELF_ENGLISH, _AS_ONE_ENGLISH, _GRADE_ENGLISH),
    ),
    (re.compile(r"\b(?:jeg|eg|vi)\s", re.IGNORECASE).search, (_SELF_NORDIC, _GRADE_NORDIC)),
    (re.compile(r"\(\d{1,2}\)").search, (_NAMED_NUMBER,)),
    (re.compile(r"född\s").search, (_BORN,)),
)
# The age in whichever group has matched.
AGES_OTHER = _SELF_OTHER
