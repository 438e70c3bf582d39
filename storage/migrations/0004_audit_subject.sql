-- Which entries of the audit log are about one person: each has his own in his file.
CREATE INDEX audit_subject ON audit (subject);
