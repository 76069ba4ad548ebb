"""What programs send here and what they are answered: a type for each body.

Answers are made of these types, and so is the description of the API (`openapi.json`): the two
cannot say different things.
"""

from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType, field

from services.submission.published import SLUG
from shared.models import IdeaStatus
from shared.text import MAX_AUTHOR_LENGTH, MAX_LENGTH, MIN_LENGTH

IDEAS_AT_A_TIME = 100

Slug = Annotated[
    str, Meta(pattern=f"^{SLUG.pattern}$", description="A council", examples=["motesplatser"])
]
Number = Annotated[str, Meta(examples=["R-2026-000123"])]
# ISO 8601 with offset, or a date if no more is known.
Moment = Annotated[
    str, Meta(description="ISO 8601 with offset, or a date if no more is known", min_length=10)
]
Span = Annotated[list[int], Meta(min_length=2, max_length=2)]
Address = Annotated[str, Meta(extra_json_schema={"format": "uri"})]


IdeaWords = Annotated[
    str,
    Meta(
        min_length=MIN_LENGTH,
        max_length=MAX_LENGTH,
        # Not of spaces: what is left after trimming is counted.
        pattern=r"\S[\s\S]+\S",
        description="Plain text, counted in code points after trimming",
    ),
]
Name = Annotated[
    str,
    Meta(
        max_length=MAX_AUTHOR_LENGTH,
        pattern=r"^[^\x00-\x08\n-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$",
        description="On one line, without control characters; absent means anonymous",
    ),
]
Mailbox = Annotated[
    str,
    Meta(
        description="Where the answer is sent; never shown",
        extra_json_schema={"format": "idn-email"},
    ),
]


class NewIdea(Struct):
    """An idea as a program sends it."""

    council: Slug
    text: IdeaWords
    author: Name | None = None
    email: Mailbox | None = None


class Received(Struct):
    """What is told of an idea that was taken."""

    id: UUID
    number: Number
    status: Literal["received"]
    receipt_url: Annotated[
        str,
        Meta(
            description="Secret: whoever has it can correct and withdraw the idea",
            extra_json_schema={"format": "uri"},
        ),
    ]


class Delivered(Struct):
    """The id of what a form tool delivered."""

    id: UUID


class PublishedIdea(Struct):
    """An idea as the public reads it."""

    number: Number
    text: str
    author: str
    published_at: Moment
    received_at: Moment
    status: Literal["published"]
    # The city's official answer.
    answer: str | None
    supporters: Annotated[int, Meta(ge=0, description="Others who sent in the same idea")]
    answer_from: Annotated[str | None, Meta(description="Who answers, if not the city as such")]
    answered_at: Annotated[Moment | None, Meta(description="Since when the answer reads so")]


class PublishedIdeas(Struct):
    """A page of published ideas, newest first."""

    council: Slug
    ideas: Annotated[list[PublishedIdea], Meta(max_length=IDEAS_AT_A_TIME)]
    next: Annotated[Address | None, Meta(description="Address of the following ideas")]


class RuleApplied(Struct):
    """A published rule as it read when it was applied."""

    code: str
    version: int
    title: str
    text: str


class Decided(Struct):
    """What was decided, and by which rule."""

    status: IdeaStatus
    decided_at: Moment
    rule: RuleApplied | None
    reason: Annotated[str | None, Meta(description="Why, beside the rule, if it was said")]
    merged_into: Annotated[str | None, Meta(description="Number of the idea it joined")]


class Answered(Struct):
    """The city's official answer, to this idea or to the one that it joined."""

    text: str
    by: str | None = field(name="from")
    answered_at: Moment


class CorrectionAsked(Struct):
    """What a moderator asks the writer to change."""

    reason: str | None
    asked_at: Moment


class Receipt(Struct):
    """Where an idea is, for whoever has its receipt."""

    number: Number
    council: Slug
    status: IdeaStatus
    received_at: Moment
    text: str | None
    author: str | None
    decision: Decided | None
    answer: Answered | None
    public_url: Address | None
    correction_pending: bool
    correction_asked: CorrectionAsked | None
    re_review_asked_at: Moment | None


class Draft(Struct):
    """The fields of the form, before it is sent."""

    text: IdeaWords
    author: Name = ""
    email: Mailbox = ""


class DraftFinding(Struct):
    """Something in a draft that should not be public."""

    check: str
    code: str
    severity: Literal["info", "low", "medium", "high"]
    score: Annotated[float, Meta(ge=0, le=1)]
    field: Literal["text", "author"]
    spans: Annotated[list[Span], Meta(description="In code points, without the end")]
    explanation: str
    similar_to: str | UnsetType = UNSET


class SimilarIdea(Struct):
    """A published idea with the same long words."""

    number: Number
    text: str


class Preview(Struct):
    """An idea as it will stand."""

    text_html: Annotated[str, Meta(description="The text, with what was found in `<mark>`")]
    findings: list[DraftFinding]
    similar: list[SimilarIdea]


class DecidedIdea(Struct):
    """A decision about an idea: a code for everything, and no words of a resident."""

    number: Number
    council: Slug
    kind: str
    status: Annotated[IdeaStatus, Meta(description="After this decision")]
    decided_at: Moment
    rule: Annotated[str | None, Meta(description="Code of the published rule")]
    merged_into: Annotated[str | None, Meta(description="Number of the idea it joined")]
    public_url: Annotated[Address | None, Meta(description="Where the public reads the idea now")]


class DecidedIdeas(Struct):
    """Decisions in the order in which they were made; the last one about an idea stands."""

    decisions: Annotated[list[DecidedIdea], Meta(max_length=IDEAS_AT_A_TIME)]
    next: Annotated[
        Address, Meta(description="Where the following ones are, and will be when there are none")
    ]


class ExportedIdea(Struct):
    """An idea in whatever state, with its words as they stand; never an address of a writer."""

    number: Number
    council: Slug
    status: IdeaStatus
    source: str
    language: str
    received_at: Moment
    published_at: Moment | None
    text: Annotated[
        str | None,
        Meta(description="As the public reads it, else as it came; none when it was taken back"),
    ]
    author: str | None
    merged_into: Annotated[str | None, Meta(description="Number of the idea it joined")]


class ExportedIdeas(Struct):
    """All ideas in the order in which they came."""

    ideas: Annotated[list[ExportedIdea], Meta(max_length=IDEAS_AT_A_TIME)]
    next: Annotated[
        Address, Meta(description="Where the following ones are, and will be when there are none")
    ]


class Bounce(Struct):
    """A report of a letter that did not reach its reader."""

    message_id: Annotated[str, Meta(description="Of the letter that we sent")]
    kind: Literal["permanent", "transient", "complaint"]
    status: Annotated[str, Meta(description="RFC 3463", examples=["5.1.1"])] = ""


class Problem(Struct):
    """Why something was not done (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: Annotated[dict[str, str] | UnsetType, Meta(description="A sentence for each field")] = (
        UNSET
    )


class StoredProblem(Problem, kw_only=True):
    """Why what was stored all the same can be used by nobody."""

    id: UUID


PlaceInList = Annotated[int, Meta(ge=0, le=10**18 - 1)]
# What is sent as it is: text for people, or whatever a form tool makes.
Anything = Any
