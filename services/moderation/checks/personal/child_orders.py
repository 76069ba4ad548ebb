"""A child in any order of the words: class, age, school and name of whoever is spoken of.

Beside `child_patterns`, whose bounded repeats and groups these have too: `age` is an age or a
school year; `first` is a word that must be a first name, and no teacher's; `name` is a name
whatever it is; `between` must speak of nobody else; `school` is a school.
"""

import re

from services.moderation.checks.personal.child_patterns import (
    NAME,
    NO_SCHOOL,
    OLD,
    YEAR_OF_SCHOOL,
    YEARS,
    N,
)

_MONTHS = (
    "januari|februari|mars|april|maj|juni|juli|augusti|september|oktober|november|december"
    "|vår|höst|sommar|vinter|år|dag|morgon|jul|påsk"
)
_WHEN = rf"(?=\si\s(?:{_MONTHS})\b|\s(?:på|nästa|snart|idag|imorgon|den)\b)"
_ENDS = r"(?=\s?[.,!?:;)\n]|\s?\Z|\s(?:och|o|men)\s)"
_KIN = (
    r"(?:(?:stor|lill)(?:e|a)?(?:syster|bror)|son|dotter|barn|barnbarn|syster|bror|kille|tjej|pojke"
    r"|flicka|grabb|unge|kompis|klasskamrat|klasskompis|elev|systerson|systerdotter|brorson"
    r"|brorsdotter|kusin|sonson|dotterson)"
)
_OWNER = r"(?:min|mitt|vår|vårt|hans|hennes|deras|mina|våra)"
_PUPIL = (
    r"(?:eleven|pojken|flickan|barnet|klasskamraten|klasskompisen|skolpojken|skolflickan|killen"
    r"|tjejen|elev)"
)
_A_SCHOOL = (
    r"(?P<school>[A-ZÅÄÖÉ][\w’'-]{1,30}(?:\s[A-ZÅÄÖ]?[\w-]{1,20}){0,2}?"
    rf"{NO_SCHOOL}\s?skolan?)(?!\w)"
)
# "4a" in small letters only where a school year is meant for sure.
_CLASS = rf"(?:{YEAR_OF_SCHOOL})"

# What the patterns with a bare number need.
TELLS_NUMBER = re.compile(
    rf"(?:\b(?:är|e|blir|fyller|fyllde|fyllda|fyllt|på)\s(?:bara\s|snart\s|nu\s)?|, |\(){N}(?!\w)",
    re.IGNORECASE,
)
# "Jag bor på Råå och är 9 år", "jag spelar fotboll, är elva år".
SELF_FAR = re.compile(
    rf"\b(?i:jag)\s(?P<between>[^.!?\n]{{1,60}}?)(?:\boch|,)\s(?i:är|e|fyller|blir)\s(?i:bara\s|snart\s|nu\s)?(?i:{OLD})"
)
# "Fyller 13 i mars" where a sentence begins.
TURNS = re.compile(
    rf"(?:\A|[.!?\n:]\s{{0,2}}|\b(?i:hej|jag)[,!]?\s)(?i:fyller|blir)\s(?i:bara\s|snart\s)?(?P<age>{N})(?:{_WHEN}|{_ENDS})"
)
# "Nova fyller 9 i mars", "Nova är 9 år", "Nova blir nio".
NAMED_TURNS = re.compile(
    rf"(?P<first>{NAME})\s(?i:fyller|blir|fyllde)\s(?i:snart\s|nu\s|bara\s)?(?P<age>{N})(?:{_WHEN}|{_ENDS})"
)
NAMED_IS = re.compile(
    rf"(?P<first>{NAME})(?:,?\ssom)?\s(?i:är|e|var|fyller|fyllde|blir|på)\s(?i:bara\s|snart\s|nu\s|ju\s)?(?i:{OLD})"
)
# "Nova 9 år: …" where a line begins, "Nova, 9 år", "Nova (9 år)" anywhere.
NAMED_OPENS = re.compile(
    rf"(?:\A|\n)(?P<first>{NAME})(?:,\s|\s\(?|\s?[–-]\s)(?i:(?P<age>{YEARS}))\)?(?=\s?[:;.–-])"
)
NAMED_BESIDE = re.compile(rf"(?P<first>{NAME})(?:,\s|\s\()(?i:(?P<age>{YEARS}))")
# "Nioåriga Nova", "9-åringen Nova", "en 9-åring som heter Nova".
AGE_NAMED = re.compile(
    rf"\b(?P<age>(?i:{N}\s?-?\s?(?:årig[ae]|åring(?:en)?)))(?:\s(?i:som\sheter|vid\snamn|heter))?\s(?P<first>{NAME})"
)
# "Jag går på Ekskolan och är tolv", "jag som skriver är bara tio", "jag heter Lova o e nio".
SELF_BARE = re.compile(
    rf"\b(?i:jag)\s(?P<between>[^.!?\n]{{1,60}}?)(?:\boch|\bo|,|\bsom\s\w{{2,10}})\s(?i:är|e|fyller|blir)\s(?i:bara\s|snart\s|nu\s)?(?P<age>{N}){_ENDS}"
)
SELF_AT_SCHOOL = re.compile(
    rf"\b(?i:jag|vi)\s(?i:som\s)?(?i:\w{{2,8}}\s)?(?i:går|pluggar|är\selev(?:er)?)\s(?i:på|i)\s{_A_SCHOOL}"
)
PAIR = re.compile(
    rf"(?P<first>{NAME})\soch\s(?P<name>{NAME})(?:,\s|\s\(|\s){N}\soch\s(?P<age>(?i:{YEARS}))"
)
CLASS_ANY = re.compile(
    rf"\b(?i:vi|oss)\s(?i:som\s(?:är|går)\s|(?:tjejer|killar|elever|kompisar|barn)\s)?(?i:i)\s{_CLASS}"
)
KIN_CALLED = re.compile(
    rf"\b(?i:{_OWNER}\s(?:\w{{2,9}}\s)?{_KIN})\s(?i:heter)\s(?P<name>{NAME})\b[^.!?\n]{{0,25}}?\s(?i:är|e|fyller|blir|i)\s(?i:{OLD})"
)
SIGNED_GRADE = re.compile(
    rf"\b(?i:hälsningar|hälsar|mvh|kram|kramar|från)[\s,:]{{1,3}}(?P<name>{NAME}),?\s(?P<age>[1-9]\s?[A-Fa-f](?!\w)|(?i:åk|klass|årskurs)\s?[1-9](?!\w))"
)
# "Jag är en flicka på tolv", "vi är två åttor", "Alice, elva, vill", "min kompis Saga är 13".
SELF_KID = re.compile(
    rf"\b(?i:jag)\s(?i:är|e)\s(?i:en\s)?(?:\w{{2,8}}\s)?(?i:tjej|kille|flicka|pojke|grabb)\s(?i:på)\s(?P<age>{N})(?:{_ENDS}|(?=\ssom\s))"
)
SELF_PLURAL = re.compile(
    r"\b(?i:vi)\s(?i:är|e|som\sär)\s(?:\w{2,8}\s){0,3}(?P<age>(?i:ettor|tvåor|treor|fyror|femmor|sexor|sjuor|åttor|nior))\b"
)
NAMED_ASIDE = re.compile(
    rf"(?P<first>{NAME}),\s(?i:som\sär\s)?(?P<age>{N}),\s(?i:vill|tycker|säger|önskar|har|går|bor|undrar|får|blir|drömmer)\b"
)
KIN_IS = re.compile(
    rf"\b(?i:{_OWNER}\s(?:\w{{2,9}}\s)?{_KIN})\s(?P<name>{NAME})(?:,?\s(?:som\s)?(?i:är|e|blir|fyller)|,|\s\()\s?(?P<age>{N})(?:{_ENDS}|{_WHEN}|\))"
)
GRADE_BEGINS = re.compile(
    rf"\b(?i:jag|vi)\s(?i:ska\s|skall\s|kommer\satt\s)?(?i:börja|börjar|började)\s(?i:i\s|på\s)?{_CLASS}"
)
PRESCHOOL = re.compile(
    rf"\b(?i:{_OWNER}\s(?:\w{{2,9}}\s)?{_KIN})\s(?P<name>{NAME})\b[^.!?\n]{{0,25}}?\s(?i:på|i)\s(?P<age>(?i:förskolan?|dagis|fritids)\s[A-ZÅÄÖ][\w’-]{{1,30}})"
)
# "En tjej som går i sjuan", of the writer.
KID_GRADE = re.compile(
    r"\b(?i:(?:jag\s(?:är|e)|är)\s(?:\w{2,10}\s){0,3}(?:tjej|kille|flicka|pojke|elev|person|unge|barn)\ssom\s(?:går|pluggar|börjar)\s(?:i|på))\s"
    rf"{_CLASS}"
)
GRADE_OPENS = re.compile(
    rf"(?:\A|[.!?\n]\s{{0,2}}|\b(?i:hej)[,!]?\s|[/–—]\s?)(?i:(?:en\s)?(?:(?:tjej|kille|elev|flicka|pojke)\s(?:som\s)?)?(?:går\s)?i)\s{_CLASS}"
    # "En elev i nian borde …" may be any; "i tvåan på Storgatan" is a flat.
    r"(?!\s(?i:borde|ska|skall|bör|måste|får|kan|behöver|på\s\w{1,30}(?:gatan|vägen|torget))\b)"
)
# "Vi är tre killar i sexan", "jag är en tjej från 7B", "tio år är jag", "snart blir jag tretton".
WE_IN_GRADE = re.compile(
    rf"\b(?i:vi|jag)\s(?i:är|e)\s(?:\w{{2,8}}\s){{0,3}}(?i:killar|tjejer|elever|pojkar|flickor|kompisar|barn|kille|tjej|elev|pojke|flicka)\s(?i:som\sgår\s)?(?i:i|från|på)\s{_CLASS}"
)
SELF_TURNED = re.compile(rf"\b(?P<age>(?i:{YEARS}))\s(?i:är|e|fyller|blir)\s(?i:jag)\b")
SELF_TURNS = re.compile(
    rf"\b(?i:är|fyller|blir)\s(?i:jag)\s(?i:bara\s|snart\s|nu\s)?(?P<age>{N}){_ENDS}"
)
GRADE_FAR = re.compile(
    rf"\b(?i:jag|vi)\s(?P<between>[^.!?\n]{{1,60}}?)(?:\boch|,)\s(?i:går|börjar|pluggar)\s(?i:nu\s|just\snu\s)?(?i:i|på)\s{_CLASS}"
)
# "Vi i 4a", "oss i 7c".
CLASS_SMALL = re.compile(
    r"\b(?i:vi|oss|jag|elever|eleverna|alla|barnen)\s(?i:som\s(?:är|går)\s)?(?i:i|från)\s(?P<age>[1-9]\s?-?[a-f])(?!\w|['’])(?!\s?[-–]\s?\d)"
)
# "Lisa i 4a", "Lisa som går i fyran", "Lisa (klass 4B)"; and turned, "i 4B går Lisa".
NAMED_GRADE = re.compile(
    rf"(?P<first>{NAME})(?:\s[A-ZÅÄÖ][\w’-]{{1,20}})?(?:,?\s(?:som\s)?(?i:(?:går|börjar|är|pluggar)\s(?:nu\s)?(?:i|på)|i|från)\s|,\s|\s\(){_CLASS}"
)
GRADE_NAMED = re.compile(
    rf"\b(?i:i)\s{_CLASS}[^.!?\n]{{0,20}}?\s(?i:går|heter|finns|är\sdet|sitter|mobbas|mobbar\sde|retas)\s(?:\w{{2,8}}\s)?(?P<first>{NAME})"
)
# "Eleven Ivar Ek i 5B på Ekskolan", whatever the name.
PUPIL = re.compile(
    rf"\b(?i:{_PUPIL})\s(?:\w{{2,6}}\s)?(?P<name>{NAME}(?:\s{NAME})?)\b[^.!?\n]{{0,25}}?\s(?i:i|på|från|går\si)\s{_CLASS}"
)
PUPIL_AT_SCHOOL = re.compile(
    rf"\b(?i:{_PUPIL}|{_OWNER}\s{_KIN})\s(?P<name>{NAME}(?:\s{NAME})?)\b[^.!?\n]{{0,25}}?\s(?i:på|i|från)\s{_A_SCHOOL}"
)
# Somebody's child without a name: class or age together with the school.
KIN_AT_SCHOOL = re.compile(
    rf"\b(?i:{_OWNER}\s(?:\w{{2,9}}\s)?{_KIN})\s[^.!?\n]{{0,30}}?\b(?i:i|är|fyller)\s(?:{_CLASS}|(?i:{YEARS}))[^.!?\n]{{0,20}}?\s(?i:på|i|vid)\s{_A_SCHOOL}"
)
# "… och heter Kalle", of somebody who has told an age.
CALLED = re.compile(
    r"(?:\boch|\bo|,)\s(?:jag\s)?(?i:heter|kallas)\s(?P<name>[^\W\d_][\w’'-]{1,30})"
)
# Names under a text: "Hälsningar Kalle och Lisa".
SIGNED = re.compile(
    r"(?:\b(?i:hälsningar|hälsar|hälsn|mvh|kram|kramar|önskar|undrar|skriver|från|av|vh|tack)|[/–—-])[\s,:!]{0,3}(?i:från\s|av\s|alla\s)?"
    rf"(?P<names>{NAME}(?:(?:,\s|\soch\s|\so\s|\s&\s|\s\+\s){NAME}){{0,6}})[.!]?\s{{0,3}}\Z"
)
