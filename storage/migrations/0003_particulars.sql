-- What a consent was about besides its text. The consents of before have none: nothing is made up for them.
CREATE TABLE particulars (
    particulars_hash TEXT PRIMARY KEY,
    body TEXT NOT NULL
);
ALTER TABLE consents ADD COLUMN particulars_hash TEXT REFERENCES particulars (particulars_hash);
