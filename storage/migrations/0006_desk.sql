-- In which topic of a forum the card stands; none in a group without topics.
ALTER TABLE applications ADD COLUMN card_topic BIGINT;

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
