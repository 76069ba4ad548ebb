"""What decisions do to ideas, told once more and from the contract: nothing here calls the code.

Times are counted, not measured. What a verb refuses it refuses here by returning False.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

HOLD = {"published", "waiting"}
DECIDED = {"published", "rejected", "merged"}
MOVES = {
    "publish": ({"waiting", "published"}, "published"),
    "reject": ({"waiting", "published"}, "rejected"),
    "merge": ({"waiting", "published"}, "merged"),
    "mask": ({"waiting", "published"}, None),
    "keep": ({"published", "rejected", "merged"}, None),
    "reopen": ({"published", "rejected", "merged"}, "waiting"),
}
JUDGES = {"publish", "reject", "merge", "keep"}
NO_UNDO = {"undo", "import", "policy"}
MASKED = (0, 3)


@dataclass(eq=False)
class Step:
    """A decision: who made it, and what stood before it."""

    id: UUID
    kind: str
    by: str | None
    time: int
    before: dict[str, object]
    undoes: "Step | None" = None
    # Of what was sent back: by which decision.
    cause: "Step | None" = None
    followed: list[tuple["Known", bool]] = field(default_factory=list)
    # Since when the new look was asked for that this one has answered.
    answered: int | None = None


@dataclass(eq=False, repr=False)
class Known:
    """An idea as the model knows it; the first version of its text is 1."""

    id: UUID
    writer: set[object]
    status: str = "waiting"
    into: "Known | None" = None
    counted: bool = False
    text_version: int = 1
    public_version: int | None = None
    texts: dict[int, tuple[str, str]] = field(default_factory=dict)
    # Since when a new look is asked for.
    look: int | None = None
    steps: list[Step] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<{self.texts[1][0]} {self.status}>"

    def seen(self) -> tuple[object, ...]:
        """Return what is compared with the database after each step."""
        public = self.texts[self.public_version][0] if self.public_version else None
        return (
            self.status,
            self.into.id if self.into else None,
            self.counted,
            self.text_version,
            public,
            self.look is not None,
        )

    @property
    def latest(self) -> Step | None:
        return self.steps[-1] if self.steps else None

    def leave(self) -> None:
        self.public_version, self.into, self.counted = None, None, False

    def noted(self) -> dict[str, object]:
        names = ("status", "into", "counted", "text_version", "public_version")
        return {name: getattr(self, name) for name in names}


class Model:
    """All ideas, and who may decide."""

    def __init__(self) -> None:
        self.ideas: list[Known] = []
        self.open: dict[str, bool] = {}
        self.now = 0

    def tick(self) -> int:
        self.now += 1
        return self.now

    def children(self, target: Known) -> list[Known]:
        return sorted((idea for idea in self.ideas if idea.into is target), key=lambda i: i.id)

    def heard(self, ideas: Sequence[Known], target: Known) -> list[Known]:
        """Return which of these are by nobody whom the target counts."""
        names = set(target.writer)
        for child in self.children(target):
            names |= child.writer if child.counted else set()
        new = []
        for idea in ideas:
            if not idea.writer & names:
                new.append(idea)
                names |= idea.writer
        return new

    def is_others_turn(self, idea: Known, person: str) -> bool:
        """Whether a colleague has to take the new look that is asked for."""
        if idea.look is None:
            return False
        undone = [step.undoes for step in idea.steps if step.undoes]
        for step in reversed(idea.steps):
            if any(step is each for each in undone):
                continue
            if step.kind == "reopen" and step.by is None:
                return False
            if step.kind in JUDGES:
                others = any(is_open for who, is_open in self.open.items() if who != person)
                return step.by == person and others
        return False

    def allows(self, idea: Known, kind: str, target: Known | None) -> bool:
        if kind not in MOVES or idea.status not in MOVES[kind][0]:
            return False
        if kind == "publish" and idea.public_version == idea.text_version:
            return False
        if kind == "merge":
            return target is not None and target is not idea and target.status in HOLD
        return True

    def may(self, idea: Known, kind: str, person: str, target: Known | None) -> bool:
        allowed = self.allows(idea, kind, target)
        return allowed and not (kind in JUDGES and self.is_others_turn(idea, person))

    def note(self, idea: Known, made: UUID, kind: str, by: str | None, **more: object) -> Step:
        step = Step(made, kind, by, self.tick(), idea.noted(), **more)  # type: ignore[arg-type]
        idea.steps.append(step)
        return step

    def decide(
        self,
        idea: Known,
        made: UUID,
        kind: str,
        by: str | None,
        target: Known | None,
        *,
        counts: bool,
        in_turn: set[UUID] | None = None,
    ) -> None:
        """Change what a decision changes. `in_turn`: who counts, where an act has worked it out."""
        step = self.note(idea, made, kind, by)
        if kind == "mask":
            self._mask(idea)
            return
        following = self.children(idea) if kind == "merge" else []
        if kind != "keep":
            idea.leave()
            idea.status = MOVES[kind][1] or ""
        if kind == "publish":
            idea.public_version = idea.text_version
        elif kind == "merge" and target is not None:
            step.followed = [(child, child.counted) for child in following]
            wanted = [idea] * counts + [child for child in following if child.counted]
            new = {each.id for each in self.heard(wanted, target)} if in_turn is None else in_turn
            for each in (idea, *following):
                each.into, each.counted = target, each.id in new
        step.answered, idea.look = idea.look, None
        if kind == "reopen":
            idea.look = step.time
        elif kind == "reject":
            self.let_go(idea, step)

    def _mask(self, idea: Known) -> None:
        standing = idea.public_version or idea.text_version
        version = max(idea.texts) + 1
        idea.texts[version] = ("[maskat]" + idea.texts[standing][0][MASKED[1] :], "mask")
        if standing == idea.text_version:
            idea.text_version = version
        if idea.status == "published":
            idea.public_version = version

    def let_go(self, target: Known, cause: Step | None) -> None:
        """Send what is merged into this one back; which decisions that makes is learned later."""
        for child in self.children(target):
            self.note(child, child.id, "reopen", None, cause=cause)
            child.leave()
            child.status = "waiting"
            if child.look is None:
                child.look = self.tick()

    def undoable(self, idea: Known, step: Step, person: str) -> bool:
        if step is not idea.latest or idea.status == "withdrawn" or step.kind in NO_UNDO:
            return False
        before = step.before["into"]
        if isinstance(before, Known) and before.status not in HOLD:
            return False
        return not (step.kind in JUDGES and self.is_others_turn(idea, person))

    def undo(self, idea: Known, step: Step, made: UUID, person: str) -> None:
        undone = self.note(idea, made, "undo", person, undoes=step)
        before, was_in = step.before, idea.into
        back = before["into"]
        counts = bool(before["counted"])
        if counts and isinstance(back, Known) and was_in is None:
            counts = bool(self.heard([idea], back))
        for child, counted in step.followed:
            decided_since = any(each.time > step.time for each in child.steps)
            if child.into is was_in and not decided_since:
                child.into, child.counted = idea, counted
        idea.status, idea.into = str(before["status"]), back  # type: ignore[assignment]
        idea.counted = counts
        idea.public_version = before["public_version"]  # type: ignore[assignment]
        if idea.texts[idea.text_version][1] == "mask":
            idea.text_version = before["text_version"]  # type: ignore[assignment]
        if idea.status not in HOLD:
            self.let_go(idea, undone)
        asked_since = idea.look is not None and idea.look >= step.time
        if before["status"] != "waiting" and step.kind != "mask" and asked_since:
            idea.look = None
        if idea.look is None:
            idea.look = step.answered
        if step.kind == "reject":
            self._take_back(step, person)

    def _take_back(self, rejection: Step, person: str) -> None:
        for child in sorted(self.ideas, key=lambda each: each.id):
            last = child.latest
            if last and last.cause is rejection and self.undoable(child, last, person):
                self.undo(child, last, child.id, person)

    def withdraw(self, idea: Known) -> None:
        idea.leave()
        idea.status, idea.look = "withdrawn", None
        self.let_go(idea, None)

    def correct(self, idea: Known, text: str) -> int:
        version = max(idea.texts) + 1
        idea.texts[version] = (text, "correction")
        idea.text_version = version
        return version
