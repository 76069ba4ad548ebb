"""The word lists' choices in plain words."""

from shared.i18n import gettext as _


def name_choices() -> dict[str, dict[str, str]]:
    """Return what the choices of each field are called, by their stored values."""
    return {
        "lists": {
            "threat": _("Hot"),
            "hate": _("Hat"),
            "insult": _("Förolämpningar"),
            "profanity": _("Svordomar"),
            "allow": _("Tillåtna"),
        },
        "matches": {
            "exact": _("precis så"),
            "forms": _("i alla böjningar"),
            "compounds": _("i alla böjningar, även sist i längre ord"),
            "ends": _("bara sist i längre ord"),
            "begins": _("först i längre ord"),
        },
        "languages": {
            "": _("alla språk"),
            "sv": _("svenska"),
            "en": _("engelska"),
            "no": _("norska"),
            "da": _("danska"),
            "fi": _("finska"),
        },
        "weights": {
            "0.3": _("visas bara"),
            "0.6": _("en person ska titta"),
            "1.0": _("allvarligt"),
        },
    }
