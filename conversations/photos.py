"""When ID photos go while the rest stays: they are needed no more, or the consent they stood on has ended."""

from collections.abc import Iterable

from conversations.application import Application, Draft, Pictured, photo_ids
from conversations.effects import Audit, DropPhotos, Effect, Refresh
from conversations.programme import START, Programme


def dropped(photos: Iterable[str], why: str) -> tuple[Effect, ...]:
    """Pictures go that are needed no more, while everything else stays."""
    gone = tuple(sorted(photos))
    return (DropPhotos(gone), Audit("photos_dropped", why)) if gone else ()


def without_photos(application: Application) -> Application:
    answers = {
        key: answer.model_copy(update={"sides": {}}) if isinstance(answer, Pictured) else answer
        for key, answer in application.answers.items()
    }
    return application.model_copy(update={"answers": answers})


def without_its_photo(programme: Programme, draft: Draft, key: str) -> tuple[Draft, tuple[Effect, ...]]:
    """The draft once that consent has ended: the photo goes that stood on it. All photos stand on what is agreed to at
    the start, and each on the consent that is asked for before it."""
    consent = programme.consent(key)
    after = draft
    for question, answer in draft.answers.items():
        if isinstance(answer, Pictured) and (consent is None or consent.before in (START, question)):
            after = after.without(question)
    gone = photo_ids(draft.answers) - photo_ids(after.answers)
    if not gone:
        return draft, ()
    effects = dropped(gone, "consent_ended")
    if draft.recalled:  # nor does what was submitted before have one
        after = after.model_copy(update={"recalled": without_photos(draft.recalled)})
        effects = (*effects, Refresh(draft.recalled.receipt))
    return after, effects
