"""Whose question has not left yet, so that nothing he writes can be an answer to it."""

from bot.errands import Errand


class Unsent:
    """Errands that ask a person something and surely have not been sent, by person."""

    def __init__(self) -> None:
        self._errands: dict[str, set[str]] = {}

    def waits(self, person_id: str) -> bool:
        """Whether what he is asked has not left."""
        return person_id in self._errands

    def accepted(self, errand: Errand) -> None:
        """It is to be sent."""
        if errand.is_first_prompt and errand.person_id:
            self._errands.setdefault(errand.person_id, set()).add(errand.errand_id)

    not_sent = accepted  # a try has surely failed

    def sending(self, errand: Errand) -> None:
        """From now on it may have been seen."""
        if errand.is_prompt and errand.person_id:
            left = self._errands.get(errand.person_id, set())
            left.discard(errand.errand_id)
            if not left:
                self.drop(errand.person_id)

    def drop(self, person_id: str) -> None:
        """Nothing is asked of him any more."""
        self._errands.pop(person_id, None)
