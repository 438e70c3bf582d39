"""Who may do what in the reviewers' group: a role for each action; what is not named follows `review.who`."""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Account = Annotated[int, Field(gt=0, strict=True)]  # a Telegram account's id
Role = Literal["members", "administrators"] | Annotated[tuple[Account, ...], Field(min_length=1)]
Action = Literal[
    "look",
    "claim",
    "ask",
    "approve",
    "reject",
    "return",
    "undo",
    "tell",
    "stats",
    "violate",
    "reverse",
    "clear",
]
ACTIONS: tuple[Action, ...] = get_args(Action)

# Which action a button of the card asks for, by its verb. A verb that is not here may be used by whoever reviews.
ACTION_OF: dict[str, Action] = {
    "view": "look",
    "claim": "claim",
    "release": "claim",
    "ask": "ask",
    "put": "ask",
    "unask": "ask",
    "approve": "approve",
    "reject": "reject",
    "because": "reject",
    "unreject": "reject",
    "long": "reject",
    "return": "return",
    "undo": "undo",
    "tell": "tell",
    "violate": "violate",
    "reverse": "reverse",
}
# What a form decides, by its outcome.
DECIDES: dict[str, Action] = {"rejected": "reject", "returned": "return"}


class May(BaseModel):
    """A role for an action, in the place of `who`. An administrator is a member too; a listed account has to be in the
    group as well."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    look: Role | None = None  # View ID, /queue, /find
    claim: Role | None = None  # also: release, take over
    ask: Role | None = None
    approve: Role | None = None
    reject: Role | None = None
    return_: Role | None = Field(default=None, alias="return")
    undo: Role | None = None
    tell: Role | None = None  # before the time to undo has passed
    stats: Role | None = None
    violate: Role | None = None
    reverse: Role | None = None
    clear: Role | None = None

    def role(self, action: Action) -> Role | None:
        """The one that was named for it."""
        found: Role | None = getattr(self, "return_" if action == "return" else action)
        return found
