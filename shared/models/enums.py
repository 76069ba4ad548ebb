"""The words of the system as types: each is stored by its value."""

import enum


class IdeaStatus(enum.StrEnum):
    """What the public may see of an idea, and where it is on its way."""

    RECEIVED = "received"
    WAITING = "waiting"
    PUBLISHED = "published"
    REJECTED = "rejected"
    MERGED = "merged"
    WITHDRAWN = "withdrawn"


class Precision(enum.StrEnum):
    """How exactly a moment is known; a day is shown as a date."""

    INSTANT = "instant"
    DAY = "day"


class Source(enum.StrEnum):
    """The way an idea came in."""

    FORM = "form"
    API = "api"
    HOOK = "hook"
    IMPORT = "import"
    # Somebody said it, and a member of staff entered it.
    STAFF = "staff"

    @property
    def is_from_elsewhere(self) -> bool:
        """Whether its writer never saw the council's page, so that its policy does not apply."""
        return self in {Source.IMPORT, Source.STAFF}


class Channel(enum.StrEnum):
    """How somebody said what a member of staff enters."""

    PHONE = "phone"
    PAPER = "paper"
    EMAIL = "email"
    MEETING = "meeting"
    VISIT = "visit"


class TextKind(enum.StrEnum):
    """Why a text version was written."""

    RECEIVED = "received"
    CORRECTION = "correction"
    MASK = "mask"


class Outcome(enum.StrEnum):
    """What all findings together mean. A verdict never rejects or deletes."""

    CLEAR = "clear"
    ATTENTION = "attention"
    LIKELY_SPAM = "likely_spam"


class Reason(enum.StrEnum):
    """Why a person should look at an idea."""

    NEW = "new"
    CORRECTION = "correction"
    RE_REVIEW = "re-review"
    CLEAN_UP = "clean-up"
    LATE_FINDING = "late-finding"
    REPORT = "report"
    SAMPLE = "sample"


class DecisionKind(enum.StrEnum):
    """What was done about an idea."""

    PUBLISH = "publish"
    REJECT = "reject"
    MERGE = "merge"
    MASK = "mask"
    KEEP = "keep"
    REOPEN = "reopen"
    UNDO = "undo"
    IMPORT = "import"
    POLICY = "policy"
    # The writer's correction becomes public; and the writer is asked for one.
    ACCEPT_CORRECTION = "accept_correction"
    ASK_CORRECTION = "ask_correction"
    # An import was wrong, and is taken back as a whole.
    TAKE_BACK = "take_back"


class Role(enum.StrEnum):
    """What a member of staff may do at the desk."""

    READER = "reader"
    MODERATOR = "moderator"
    ADMIN = "admin"


class Requires(enum.StrEnum):
    """Who must have a second factor to sign in with a password."""

    NOBODY = "nobody"
    ADMINS = "admins"
    ALL = "all"


class LinkKind(enum.StrEnum):
    """What a link that a member of staff gets by mail is for."""

    INVITATION = "invitation"
    RESET = "reset"
    UNSUBSCRIBE = "unsubscribe"


class ReceiptVerb(enum.StrEnum):
    """What a writer can ask for from the receipt, and any reader from a public idea."""

    WITHDRAW = "withdraw"
    CORRECT = "correct"
    RE_REVIEW = "re-review"
    REPORT = "report"


class LetterState(enum.StrEnum):
    """Where a letter is on its way out."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    SENT = "sent"
    CANCELLED = "cancelled"
    FAILED = "failed"


class BounceKind(enum.StrEnum):
    """What came back of a letter that a mail server had taken."""

    PERMANENT = "permanent"
    # The reader has called it spam.
    COMPLAINT = "complaint"
    # Something was reported, and nobody understands what.
    UNKNOWN = "unknown"


class IncidentKind(enum.StrEnum):
    """What cannot wait for a digest."""

    THREAT = "threat"
    CHILD = "child"
    WAVE = "wave"
    OVERDUE = "overdue"
    FAILED_JOBS = "failed_jobs"
    UNCHECKED = "unchecked"
    DEAF = "deaf"
    DIGEST_FAILED = "digest_failed"
    WEBHOOK_OFF = "webhook_off"
    BOUNCED = "bounced"
    SPRAY = "spray"
    INBOX = "inbox"
    DESPAIR = "despair"


class SecurityKind(enum.StrEnum):
    """What is done, or tried, at the door of the desk."""

    SIGNED_IN = "signed_in"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - what happened
    WRONG_CODE = "wrong_code"
    THROTTLED = "throttled"
    DIRECTORY_REFUSED = "directory_refused"
    FORBIDDEN = "forbidden"
    # A form without the token of its session, of somebody else's page, or at another address.
    WRONG_TOKEN = "wrong_token"  # noqa: S105 - what happened
    WRONG_SENDER = "wrong_sender"
    WRONG_HOST = "wrong_host"
    PASSWORD_ASKED = "password_asked"  # noqa: S105 - what happened
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - what happened
    FACTOR_ADDED = "factor_added"
    FACTOR_REMOVED = "factor_removed"
    CODES_RENEWED = "codes_renewed"
    DIRECTORY_LINKED = "directory_linked"
    DIRECTORY_UNLINKED = "directory_unlinked"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    # A program at the public web, with a token that is none, not any more, or for something else.
    API_REFUSED = "api_refused"


class Scope(enum.StrEnum):
    """What a token of the API is good for."""

    SUBMIT = "submit"
    READ_DECIDED = "read_decided"
    EXPORT = "export"


class InboxState(enum.StrEnum):
    """Where something is that a form tool delivered."""

    RECEIVED = "received"
    MAPPED = "mapped"
    # It came before, and is an idea already.
    REPEATED = "repeated"
    FAILED = "failed"
    # Somebody has looked at it and let it be.
    PUT_ASIDE = "put_aside"


class InboxFault(enum.StrEnum):
    """Why no idea could be made of what a form tool delivered."""

    UNREADABLE = "unreadable"
    NO_TEXT = "no_text"
    SEVERAL_TEXTS = "several_texts"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NO_COUNCIL = "no_council"
    CLOSED_COUNCIL = "closed_council"
    # Other words came before under the same id.
    KEY_REUSED = "key_reused"


class PreviewWhen(enum.StrEnum):
    """When who writes sees the idea as it will stand, before it is sent."""

    ASKED = "asked"
    # When the checks have something to say, or somebody has written something like it.
    FOUND = "found"
    ALWAYS = "always"


class ImportState(enum.StrEnum):
    """Where an import at the desk is: what was read is looked at, decided on, and brought in."""

    CHECKING = "checking"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    TAKING_BACK = "taking_back"
    TAKEN_BACK = "taken_back"
    # Nothing of it was brought in.
    PUT_ASIDE = "put_aside"


class Fate(enum.StrEnum):
    """What becomes of a line of an import."""

    NEW = "new"
    # It came before, from the same place and in the same words.
    KNOWN = "known"
    # Its id is here with other words.
    REFUSED = "refused"


class WebhookState(enum.StrEnum):
    """Whether an endpoint hears events: it does, a person paused it, or it was turned off."""

    ON = "on"
    PAUSED = "paused"
    OFF = "off"


class WebhookOff(enum.StrEnum):
    """Why the system turned an endpoint off."""

    FAILING = "failing"
    GONE = "gone"


class WebhookShape(enum.StrEnum):
    """What the body of a webhook looks like."""

    STANDARD = "standard"
    SLACK = "slack"
    TEAMS = "teams"
    MATTERMOST = "mattermost"


class DeliveryState(enum.StrEnum):
    """Where a webhook is on its way out."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


class ToldAs(enum.StrEnum):
    """Why a member of staff is told of an incident."""

    ON_DUTY = "on-duty"
    # Nobody is on duty.
    INSTEAD = "instead"
    ADMIN = "admin"


class Rhythm(enum.StrEnum):
    """How often a member of staff hears what waits."""

    HOURS = "hours"
    DAILY = "daily"
    WEEKLY = "weekly"
