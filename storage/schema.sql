-- What is stored. Personal values are sealed under a key of that person (bytes, no meaning without it);
-- plain columns hold only what must be queried: random ids, states, times, counters.
-- Times are ISO 8601 in UTC with microseconds, so that they compare as text. SQLite and PostgreSQL both read this.

-- Small facts about this database: the operator key's fingerprint, the group's present id.
CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- One row a person who talks with the bot. `ref` is a keyed hash of the account's id.
CREATE TABLE people (
    person_id TEXT PRIMARY KEY,
    ref TEXT NOT NULL UNIQUE,
    wrapped_key BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    state TEXT NOT NULL,
    prompt_message BIGINT,
    reachable INTEGER NOT NULL DEFAULT 1,
    due_at TEXT,
    updated_at TEXT NOT NULL
);
CREATE INDEX people_due ON people (due_at);

-- One row an application that was ever submitted; `sealed` is its state with all answers.
CREATE TABLE applications (
    receipt TEXT PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (person_id) ON DELETE CASCADE,
    status TEXT NOT NULL,
    revision INTEGER NOT NULL,
    round INTEGER NOT NULL,
    submitted_at TEXT NOT NULL,
    closed_at TEXT,
    card_chat BIGINT,
    card_message BIGINT,
    sealed BYTEA NOT NULL,
    card_topic BIGINT
);
CREATE INDEX applications_person ON applications (person_id);
CREATE INDEX applications_status ON applications (status, submitted_at);
CREATE INDEX applications_card ON applications (card_chat, card_message);

-- The ID photos, re-encoded and sealed.
CREATE TABLE photos (
    photo_id TEXT PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (person_id) ON DELETE CASCADE,
    question TEXT NOT NULL,
    part TEXT NOT NULL,
    stored_at TEXT NOT NULL,
    sealed BYTEA NOT NULL
);
CREATE INDEX photos_person ON photos (person_id);

-- The texts agreed to, by their SHA-256, so that a consent can always be read again.
CREATE TABLE texts (
    text_hash TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    language TEXT NOT NULL,
    body TEXT NOT NULL
);

-- What a consent was about besides its text, by the SHA-256 of its JSON: who asks, which documents it goes with, what
-- for, which questions it covers, how long their answers are kept.
CREATE TABLE particulars (
    particulars_hash TEXT PRIMARY KEY,
    body TEXT NOT NULL
);

-- The ledger of consents. It outlives the person's row and holds nothing personal. `withdrawn_at`: when the consent
-- ended, taken back or because what it was given for is over; the audit log says by what.
CREATE TABLE consents (
    consent_id TEXT PRIMARY KEY,
    person_id TEXT NOT NULL,
    document TEXT NOT NULL,
    text_hash TEXT NOT NULL REFERENCES texts (text_hash),
    language TEXT NOT NULL,
    act TEXT NOT NULL,
    at TEXT NOT NULL,
    withdrawn_at TEXT,
    particulars_hash TEXT REFERENCES particulars (particulars_hash)
);
CREATE INDEX consents_person ON consents (person_id);

-- What is still to be done outside; a row goes when it is done. Ids rise with time.
CREATE TABLE errands (
    errand_id TEXT PRIMARY KEY,
    person_id TEXT REFERENCES people (person_id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    not_before TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    sealed BYTEA NOT NULL
);
CREATE INDEX errands_person ON errands (person_id);

-- The bot's own messages about a person, so that they can be removed. `place`: private, or sealed elsewhere.
CREATE TABLE messages (
    person_id TEXT NOT NULL REFERENCES people (person_id) ON DELETE CASCADE,
    place TEXT NOT NULL,
    message_id BIGINT NOT NULL,
    receipt TEXT,
    sent_at TEXT NOT NULL,
    sealed_chat BYTEA,
    PRIMARY KEY (person_id, place, message_id)
);

-- Updates already handled: Telegram repeats what was not confirmed.
CREATE TABLE seen (
    update_id BIGINT PRIMARY KEY,
    at TEXT NOT NULL
);
CREATE INDEX seen_at ON seen (at);

-- Updates that could not be handled, sealed for the operator. `ref`: the keyed hash of the sender, or empty.
CREATE TABLE parked (
    parked_id TEXT PRIMARY KEY,
    update_id BIGINT,
    ref TEXT NOT NULL,
    at TEXT NOT NULL,
    reason TEXT NOT NULL,
    sealed BYTEA NOT NULL
);
CREATE INDEX parked_ref ON parked (ref);

-- What remains of an erased person: a keyed hash, and until when a new application is barred.
CREATE TABLE tombstones (
    ref TEXT PRIMARY KEY,
    erased_at TEXT NOT NULL,
    barred_until TEXT
);

-- How many attempts to apply have come to each step, by the day on which they began. Nothing says whose they were.
CREATE TABLE tallies (
    day TEXT NOT NULL,
    step TEXT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (day, step)
);

-- What an application's e-mail address and photos are, by keyed hash, so that another with the same is noticed.
CREATE TABLE likenesses (
    kind TEXT NOT NULL,
    digest TEXT NOT NULL,
    receipt TEXT NOT NULL REFERENCES applications (receipt) ON DELETE CASCADE,
    PRIMARY KEY (kind, digest, receipt)
);
CREATE INDEX likenesses_receipt ON likenesses (receipt);

-- The reviewers the bot has met: by the keyed hash of the account, its id and name sealed with the operator's key.
CREATE TABLE reviewers (
    ref TEXT PRIMARY KEY,
    seen_at TEXT NOT NULL,
    sealed BYTEA NOT NULL
);

-- What was done, without anything personal; each row's hash covers the row before.
CREATE TABLE audit (
    seq BIGINT PRIMARY KEY,
    at TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX audit_subject ON audit (subject);
