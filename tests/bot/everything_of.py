"""All that a database holds of one person, read without the bot's own code: its own SQL, and the vault to unseal.

Every column and every sealed field is taken by its name; one that nobody has thought of fails.
"""

import hashlib
import json
import re
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from storage.vault import Vault

Json = dict[str, Any]
PENDING = dict.fromkeys(("rejecting", "deciding"), "waiting")  # a decision that can be undone is not told
NOBODYS = {
    "facts": "about the database itself",
    "seen": "numbers of updates, with nothing that says whose they were",
    "schema_version": "about the database itself",
    "tallies": "counts of attempts by day and step, with nothing that says whose they were",
    "reviewers": "the names of reviewers, who are told of no applicant",
}
AS_REVIEWER = "what you did as a reviewer is about others, and is not shown here"
NOT_HIS = "a message that you did not write: it may be about others, and is not shown here"


class Fields(Json):
    """Taken one by one; what is left was not thought of."""

    def __init__(self, values: Json, what: str) -> None:
        super().__init__(values)
        self._what = what

    def take(self, *names: str) -> Any:
        found = [self.pop(name) for name in names]
        return found[0] if len(found) == 1 else found

    def end(self) -> None:
        assert not self, f"{self._what}: nobody has thought of {', '.join(self)}"


def tables(connection: sqlite3.Connection) -> set[str]:
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {row[0] for row in rows if not row[0].startswith("sqlite_")}


def everybody(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT person_id FROM people ORDER BY person_id")]


def utc(text: str | None) -> str | None:
    """A time as the file writes it, whatever its spelling."""
    if text is None:
        return None
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _attempt(attempt: Json | None) -> Json | None:
    if attempt is None:
        return None
    fields = Fields(attempt, "an attempt")
    began, reached = fields.take("began", "reached")
    fields.end()
    return {"began": utc(began), "steps": reached}


class Reader:
    """One person's. `content` is what his file must be; `read` names the tables that were looked at."""

    def __init__(self, connection: sqlite3.Connection, vault: Vault, person_id: str) -> None:
        connection.row_factory = sqlite3.Row
        self._connection = connection
        self._vault = vault
        self._person_id = person_id
        self._numbers: dict[str, int] = {}
        self.read: set[str] = set()

    def _rows(self, table: str, where: str, *values: Any, order: str = "1") -> list[Fields]:
        self.read.add(table)
        found = self._connection.execute(f"SELECT * FROM {table} WHERE {where} ORDER BY {order}", values)
        return [Fields(dict(row), table) for row in found]

    def _reviewer(self, ref: str) -> str:
        return f"reviewer {self._numbers.setdefault(ref, len(self._numbers) + 1)}"

    def _by(self, reviewer: Json | None) -> str | None:
        if reviewer is None:
            return None
        fields = Fields(reviewer, "a reviewer")
        ref = fields.take("ref")
        fields.take("name")  # never told
        fields.end()
        return self._reviewer(ref)

    def content(self) -> Json:
        (row,) = self._rows("people", "person_id = ?", self._person_id)
        self._key = self._vault.unwrap(self._person_id, row.take("wrapped_key"))
        who = Fields(json.loads(self._key.open(f"people/{self._person_id}", row.take("sealed"))), "a person")
        self._chat, self._ref = who["chat_id"], who["ref"]
        state = Fields(who.take("state"), "a state")
        kind = state.take("kind")
        is_decided = kind == "deciding"
        self._pending = (
            (state["application"]["receipt"], state["application"]["round"]) if is_decided else None
        )
        parked = self._rows("parked", "ref = ?", self._ref, order="parked_id")
        subjects = [self._person_id, *(one["parked_id"] for one in parked)]
        log = self._log(subjects)
        draft = state.pop("draft", None)
        applications = self._applications(kind, state, draft)
        file = {
            "account": self._account(row, who, kind, dict(state) if draft is not None else None),
            "draft": self._draft(draft),
            "applications": applications,
            "earlier": [self._closed(one) for one in who.take("past")],
            "agreed": {key: self._agreed(one) for key, one in who.take("agreed").items()},
            **self._consents(),
            "photos": self._photos(),
            "messages": self._messages(),
            "waiting": self._waiting(subjects),
            "parked": [self._parked(one) for one in parked],
            "erased_before": self._tombstone(),
            "log": log,
        }
        who.end()
        row.end()
        return file

    def _account(self, row: Fields, who: Fields, kind: str, place: Json | None) -> Json:
        assert row.take("state") == kind
        assert row.take("person_id") == who["person_id"]
        assert row.take("ref") == who["ref"]
        place = (
            {key: utc(value) if key == "since" else value for key, value in place.items()}
            if place is not None
            else None
        )
        return {
            "telegram_id": who.take("chat_id"),
            "random_id": who.take("person_id"),
            "account_hash": who.take("ref"),
            "language": who.take("language"),
            "first_seen": utc(who.take("created_at")),
            "last_heard_of": utc(who.take("heard_at")),
            "changed_at": row.take("updated_at"),
            "state": PENDING.get(kind, kind),
            "place": place,
            "question_message": row.take("prompt_message"),
            "questions_asked": who.take("step"),
            "helps_given": who.take("said"),
            "last_album": who.take("album"),
            "typed_and_not_sent": who.take("unsent"),
            "reminders": who.take("reminded"),
            "counted": _attempt(who.take("attempt")),
            "can_be_reached": bool(row.take("reachable")),
            "next_look_at": row.take("due_at"),
            "announced": {
                thing: {"will_be_deleted_at": utc(one["goes_at"]), "told_at": utc(one["told_at"])}
                for thing, one in who.take("announced").items()
            },
            "may_apply_from": utc(who.take("barred_until")),
        }

    def _draft(self, draft: Json | None) -> Json | None:
        if draft is None:
            return None
        fields = Fields(draft, "a draft")
        recalled = fields.take("recalled")
        found = {
            "answers": self._answers(fields.take("answers")),
            "left_out": fields.take("skipped"),
            "hints_given": fields.take("hinted"),
            "consents_not_given": fields.take("declined"),
            "recalled": recalled["receipt"] if recalled else None,
            "returned": self._decision(fields.take("returned")),
            "looked_at_again": fields.take("done"),
        }
        fields.end()
        return found

    def _answers(self, answers: Json) -> Json:
        return {key: self._answer(Fields(one, f"an answer to {key}")) for key, one in answers.items()}

    def _answer(self, fields: Fields) -> Any:
        match fields.take("kind"):
            case "written":
                found: Any = fields.take("text")
            case "chosen":
                option, text = fields.take("option", "text")
                found = {"option": option, "text": text} if text else option
            case "pictured":
                sides = {}
                for side, one in fields.take("sides").items():
                    picture = Fields(one, "a picture")
                    photo, width, height, warnings = picture.take("photo_id", "width", "height", "warnings")
                    sides[side] = {"photo": photo, "width": width, "height": height, "noticed": warnings}
                    sides[side]["keyed_hash"] = picture.take("likeness") or None
                    picture.end()
                found = {"method": fields.take("method"), "card": fields.take("variant"), "sides": sides}
        fields.end()
        return found

    def _closed(self, closed: Json) -> Json:
        fields = Fields(closed, "an application that ended")
        receipt, outcome, submitted_at, at, reasons = fields.take(
            "receipt", "outcome", "submitted_at", "at", "reasons"
        )
        fields.end()
        return {
            "receipt": receipt,
            "outcome": outcome,
            "submitted_at": utc(submitted_at),
            "closed_at": utc(at),
            "reasons": reasons,
        }

    def _agreed(self, record: Json) -> Json:
        fields = Fields(record, "an agreement")
        document, text_hash, language, act, at, version = fields.take(
            "document", "text_hash", "language", "act", "at", "version"
        )
        fields.end()
        return {
            "document": document,
            "text_sha256": text_hash,
            "language": language,
            "act": act,
            "at": utc(at),
            "version": version or None,
        }

    def _applications(self, kind: str, state: Fields, draft: Json | None) -> list[Json]:
        """The one that goes on stands in his own row too, and is the same there."""
        rows = self._rows("applications", "person_id = ?", self._person_id, order="submitted_at")
        self.read.add("likenesses")  # each application's, where he has any
        twice = draft["recalled"] if draft and draft["recalled"] else state.pop("application", None)
        for name in ("decision", "closed", "tell_at"):
            if draft is None:
                state.pop(name, None)  # the row's own are looked at below
        if draft is None:
            state.end()
        found = []
        for row in rows:
            kept = Fields(
                json.loads(self._key.open(f"applications/{row['receipt']}", row.take("sealed"))),
                "a row's state",
            )
            if twice and twice["receipt"] == row["receipt"]:
                assert kept["application"] == twice
                twice = None
            found.append(self._application(row, kept))
        assert twice is None
        return found

    def _said(self, said: Fields) -> Json:
        found = {
            "by": self._by(said.take("by")) or "you",
            "at": utc(said.take("at")),
            "words": said.take("words"),
        }
        said.end()
        return found

    def _application(self, row: Fields, kept: Fields) -> Json:
        kind, application = kept.take("kind"), Fields(kept.take("application"), "an application")
        receipt, status = row.take("receipt", "status")
        is_pending = self._pending is not None and receipt == self._pending[0]
        row.take("person_id", "card_chat", "card_topic")  # his own; and the group's, which is not about him
        assert [application.take("receipt"), application["revision"], application["round"]] == [
            receipt,
            *row.take("revision", "round"),
        ]
        assert utc(application["submitted_at"]) == row.take("submitted_at")
        views = []
        for one in application.take("views"):
            view = Fields(one, "a view")
            views.append({"by": self._by(view.take("by")), "at": utc(view.take("at"))})
            view.end()
        application.take(
            "forms"
        )  # a reviewer's thoughts: withheld until he decides, as what can be undone is
        application.take("asking")  # so is what he has not sent
        found = {
            "receipt": receipt,
            "status": PENDING.get(status, status),
            "revision": application.take("revision"),
            "submitted_at": utc(application.take("submitted_at")),
            "language": application.take("language"),
            "answers": self._answers(application.take("answers")),
            "left_out": application.take("skipped"),
            "decisions": application.take("round") - is_pending,
            "in_hand_of": self._by(application.take("claimed_by")),
            "id_photo_opened": views,
            "asked_how_it_stands_at": utc(application.take("nudged_at")),
            "talk": [self._said(Fields(one, "words")) for one in application.take("talk")],
            "returned": self._returned(application.take("returned")),
            "earlier": [self._closed(one) for one in application.take("earlier")],
            "compared_by": self._likenesses(receipt),
            "card": {"in": "the reviewers' group", "message": row.take("card_message")},
        }
        closed_at = row.take("closed_at")
        if kind == "settled":
            closed = self._closed(kept.take("closed"))
            assert (closed["receipt"], closed["outcome"], closed["closed_at"]) == (receipt, status, closed_at)
            assert closed["submitted_at"] == found["submitted_at"]
            found |= {"closed_at": closed_at, "reasons": closed["reasons"]}
            found |= {"decision": self._decision(kept.take("decision"))}
        elif kind == "deciding":  # withheld as long as it can be undone
            kept.take("decision", "tell_at")
            assert is_pending
        application.end()
        kept.end()
        row.end()
        return found

    def _likenesses(self, receipt: str) -> list[Json]:
        found = []
        for row in self._rows("likenesses", "receipt = ?", receipt, order="kind, digest"):
            kind, digest, _ = row.take("kind", "digest", "receipt")
            row.end()
            found.append({"of": kind, "keyed_hash": digest})
        return found

    def _decision(self, decision: Json | None) -> Json | None:
        if decision is None:
            return None
        fields = Fields(decision, "a decision")
        outcome, by, at, reasons, words = fields.take("outcome", "by", "at", "reasons", "words")
        questions = fields.take("questions")
        fields.end()
        found = {"outcome": outcome, "by": self._by(by), "at": utc(at), "reasons": reasons, "words": words}
        return found | {"to_look_at_again": questions}

    def _returned(self, returned: Json | None) -> Json | None:
        if returned is None:
            return None
        fields = Fields(returned, "a return")
        decision, before = fields.take("decision", "answers")
        fields.end()
        return {"decision": self._decision(decision), "answers_before": self._answers(before)}

    def _consents(self) -> Json:
        found, texts = [], {}
        for row in self._rows("consents", "person_id = ?", self._person_id, order="at, consent_id"):
            text_hash, about, particulars = row.take("text_hash"), row.take("particulars_hash"), None
            (text,) = self._rows("texts", "text_hash = ?", text_hash)
            texts[text_hash] = text.take("body")
            assert hashlib.sha256(texts[text_hash].encode()).hexdigest() == text.take("text_hash")
            assert text.take("document", "language") == [row["document"], row["language"]]
            text.end()
            if about is not None:
                (kept,) = self._rows("particulars", "particulars_hash = ?", about)
                particulars = json.loads(kept.take("body"))
                assert kept.take("particulars_hash") == about
                kept.end()
            row.take("person_id")
            consent_id, document, language, act = row.take("consent_id", "document", "language", "act")
            at, withdrawn_at = row.take("at", "withdrawn_at")
            row.end()
            found.append(
                {
                    "consent": consent_id,
                    "document": document,
                    "text_sha256": text_hash,
                    "language": language,
                    "act": act,
                    "at": at,
                    "ended_at": withdrawn_at,
                    "about": particulars,
                }
            )
        return {"consents": found, "texts": texts}

    def _photos(self) -> list[Json]:
        found = []
        for row in self._rows("photos", "person_id = ?", self._person_id, order="stored_at, photo_id"):
            row.take("person_id")
            photo_id, question, part, stored_at = row.take("photo_id", "question", "part", "stored_at")
            jpeg = self._key.open(f"photos/{photo_id}", row.take("sealed"))
            row.end()
            found.append(
                {
                    "photo": photo_id,
                    "question": question,
                    "side": part,
                    "stored_at": stored_at,
                    "bytes": len(jpeg),
                    "sha256": hashlib.sha256(jpeg).hexdigest(),
                }
            )
        return found

    def _messages(self) -> list[Json]:
        found = []
        for row in self._rows("messages", "person_id = ?", self._person_id, order="message_id"):
            row.take("person_id", "sealed_chat")  # a reviewer's chat is not told
            place, message_id, receipt, sent_at = row.take("place", "message_id", "receipt", "sent_at")
            row.end()
            where = "your chat with this bot" if place == "private" else "a reviewer's private chat"
            of = {"photo_of": receipt if place == "reviewer" else None}
            of["form_of"] = receipt if place == "form" else None
            of["question_about"] = receipt if place == "question" else None
            of["notice_of"] = receipt if place == "notice" else None
            where = "the reviewers' group" if place == "notice" else where
            found.append({"in": where, "message": message_id, "sent_at": sent_at, **of})
        return found

    def _waiting(self, subjects: Sequence[str]) -> list[Json]:
        found = []
        for row in self._rows("errands", "person_id = ?", self._person_id, order="errand_id"):
            row.take("person_id")
            found.append(self._errand(row, self._key))
        for row in self._rows("errands", "person_id IS NULL", order="errand_id"):
            row.take("person_id")
            body = json.loads(self._vault.open(f"errands/{row['errand_id']}", row["sealed"]))
            is_his = self._chat in (body["chat"], body.get("user_id"))
            if is_his or any(receipt in json.dumps(body) for receipt in self._receipts(subjects)):
                found.append(self._errand(row, self._vault))
        return [one for one in found if one]

    def _receipts(self, subjects: Sequence[str]) -> set[str]:
        """Whatever looks like one in his part of the log, or is one of his rows."""
        marks = ", ".join("?" * len(subjects))
        log = self._rows("audit", f"subject IN ({marks})", *subjects)
        rows = self._rows("applications", "person_id = ?", self._person_id)
        return {
            word for one in log for word in one["detail"].split(" ") if re.fullmatch(r"UX-[0-9A-Z]{8}", word)
        } | {one["receipt"] for one in rows}

    def _errand(self, row: Fields, key: Any) -> Json | None:
        errand_id, kind, not_before, attempts = row.take("errand_id", "kind", "not_before", "attempts")
        body = json.loads(key.open(f"errands/{errand_id}", row.take("sealed")))
        row.end()
        chat = body.pop("chat")
        if kind == "wake" and self._pending is not None and body["receipt"] == self._pending[0]:
            return None
        return {
            "id": errand_id,
            "kind": kind,
            "in": self._where(chat),
            "not_before": not_before,
            "tried": attempts,
            "what": {"note": AS_REVIEWER} if kind in {"member", "note"} else self._what(body),
        }

    def _where(self, chat: int) -> str | None:
        if chat == self._chat:
            return "your chat with this bot"
        return "the reviewers' group" if chat < 0 else "a reviewer's private chat" if chat else None

    def _what(self, body: Json) -> Json:
        if "keyboard" in body:
            body["keyboard"] = [[button["text"] for button in row] for row in body["keyboard"]]
        if body.get("by"):
            body["by"] = self._reviewer(body["by"])
        if body.get("instead"):
            body["instead"] = {"text": body["instead"]["text"]}
        if "messages" in body:
            body["messages"] = [
                {"in": self._where(chat), "message": number, "sent_at": sent_at or None}
                for chat, number, sent_at, *_ in body["messages"]
            ]
        if "cards" in body:
            body["cards"] = [
                {"receipt": receipt, "in": self._where(chat), "message": number, "submitted_at": submitted_at}
                for receipt, chat, number, submitted_at in body["cards"]
            ]
        return body

    def _parked(self, row: Fields) -> Json:
        row.take("ref")
        parked_id, update_id, at, reason = row.take("parked_id", "update_id", "at", "reason")
        raw = self._vault.open(f"parked/{parked_id}", row.take("sealed"))
        row.end()
        update = json.loads(raw)
        message = update.get("message") or update["callback_query"]["message"]
        is_own = message["chat"]["id"] == self._chat and not message.get("text", "").startswith("/start ")
        if "callback_query" in update:  # his press, on what the bot wrote
            update["callback_query"]["message"] = NOT_HIS
        elif message.get("reply_to_message", {}).get("from", {}).get("is_bot"):
            message["reply_to_message"] = NOT_HIS
        content = update if is_own else AS_REVIEWER
        return {"id": parked_id, "update": update_id, "at": at, "reason": reason, "content": content}

    def _tombstone(self) -> Json | None:
        rows = self._rows("tombstones", "ref = ?", self._ref)
        if not rows:
            return None
        (row,) = rows
        row.take("ref")
        erased_at, barred_until = row.take("erased_at", "barred_until")
        row.end()
        return {"erased_at": erased_at, "no_new_application_before": barred_until}

    def _log(self, subjects: Sequence[str]) -> list[Json]:
        found = []
        marks = ", ".join("?" * len(subjects))
        for row in self._rows("audit", f"subject IN ({marks})", *subjects, order="seq"):
            row.take("subject")
            seq, at, action, detail, line = row.take("seq", "at", "action", "detail", "hash")
            row.end()
            if self._pending and action in {"approved", "rejected"}:
                receipt, number, *_ = detail.split(" ")
                if (receipt, int(number)) == self._pending:
                    continue
            parts = [
                self._reviewer(part) if re.fullmatch(r"[0-9a-f]{32}", part) else PENDING.get(part, part)
                for part in detail.split(" ")
            ]
            found.append(
                {"number": seq, "at": at, "action": action, "detail": " ".join(parts), "sha256": line}
            )
        return found
