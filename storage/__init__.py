"""Durable state.

All SQL stands here, every query once, as SQLite and PostgreSQL both read it. Each module answers one question:

store      what a turn loads and saves: people, applications, photos, updates that were handled
outgoing   what is still to be done outside, and which messages stand in chats
ledger     who agreed to what, and when it ended
parking    which updates could not be handled
erasure    who was erased and what was taken back
audit_log  what was done, entry by entry
facts      what is kept by its name alone
deadlines  who is due and when
figures    how many there are
statistics how far attempts to apply came, and what was submitted and decided when
queue      what waits for the reviewers, and how much of it too long
upkeep     what a key rotation, a backup and a restore go through

Their functions take a `Transaction` and run on the database's thread. Times go in and come out as text (`values`),
sealed values as bytes; none of these modules can read them.
"""
