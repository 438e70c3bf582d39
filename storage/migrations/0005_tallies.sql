-- How many attempts to apply have come to each step, by the day on which they began. Nothing says whose they were.
CREATE TABLE tallies (
    day TEXT NOT NULL,
    step TEXT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (day, step)
);
