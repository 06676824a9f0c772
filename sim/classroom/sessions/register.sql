-- The tables of class sessions. Secrets of browsers and recovery words of teachers are stored only as hashes.
-- A table that was added later is created in older files when they are opened.
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    word_hash TEXT NOT NULL,                -- hash of the recovery word of the teacher
    opened TEXT NOT NULL,
    ended TEXT,
    names_shown INTEGER NOT NULL DEFAULT 0  -- 1 if the wall shows the names of teams, 0 if it shows only their letters
);
CREATE TABLE owners (
    session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
    browser TEXT NOT NULL,                  -- hash of the secret of the browser
    PRIMARY KEY (session, browser)
);
CREATE TABLE teams (
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
    letter TEXT NOT NULL,
    name TEXT NOT NULL,
    folded TEXT NOT NULL,                   -- the name in the form in which names are compared
    key TEXT NOT NULL,                      -- with which others join the team; empty for a student alone
    UNIQUE (session, letter),
    UNIQUE (session, folded)
);
CREATE TABLE members (
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
    team INTEGER NOT NULL REFERENCES teams ON DELETE CASCADE,
    browser TEXT NOT NULL,                  -- hash of the secret of the browser
    nickname TEXT NOT NULL,
    folded TEXT NOT NULL,
    UNIQUE (session, browser),
    UNIQUE (session, folded)
);
CREATE TABLE questions (
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
    number INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    about TEXT NOT NULL,                    -- effect or outcome
    suggested TEXT NOT NULL,                -- overrides, as JSON
    is_fixed INTEGER NOT NULL,              -- 1 if all claims must be about the suggested choice
    runs INTEGER NOT NULL,
    stage TEXT NOT NULL,
    UNIQUE (session, number)
);
CREATE TABLE claims (
    question INTEGER NOT NULL REFERENCES questions ON DELETE CASCADE,
    team INTEGER NOT NULL REFERENCES teams ON DELETE CASCADE,
    words TEXT NOT NULL,                    -- overrides, as JSON
    low REAL NOT NULL,
    high REAL NOT NULL,
    confidence REAL NOT NULL,
    why TEXT NOT NULL,
    sent TEXT NOT NULL,
    revisions INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (question, team)
);
CREATE TABLE answers (
    question INTEGER NOT NULL REFERENCES questions ON DELETE CASCADE,
    words TEXT NOT NULL,                    -- overrides, as JSON
    answer TEXT NOT NULL,                   -- as JSON
    PRIMARY KEY (question, words)
);
CREATE INDEX members_of_team ON members (team);
CREATE INDEX claims_of_team ON claims (team);
CREATE TABLE IF NOT EXISTS hand_ins (       -- answers to lessons; they are deleted with the student who handed them in
    id INTEGER PRIMARY KEY,                 -- in the order in which they were first handed in
    member INTEGER NOT NULL REFERENCES members ON DELETE CASCADE,
    name TEXT NOT NULL,                     -- of the file
    content TEXT NOT NULL,                  -- of the file, as JSON
    UNIQUE (member, name)
);
CREATE TABLE IF NOT EXISTS scenes (         -- where a class is in the seven scenes
    session INTEGER PRIMARY KEY REFERENCES sessions ON DELETE CASCADE,
    scene INTEGER,                          -- the first is 0; null if the teacher has stopped
    round INTEGER NOT NULL                  -- times that the teacher has begun
);
CREATE TABLE IF NOT EXISTS scene_work (     -- what students did in them
    member INTEGER NOT NULL REFERENCES members ON DELETE CASCADE,
    kind TEXT NOT NULL,                     -- drawing, campaign or bracket
    decision TEXT NOT NULL,                 -- of a bracket, else empty
    content TEXT NOT NULL,                  -- as JSON
    PRIMARY KEY (member, kind, decision)
);
CREATE TABLE IF NOT EXISTS shown_pairs (    -- decisions of the scenes whose pairs the wall has shown
    session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
    decision TEXT NOT NULL,
    PRIMARY KEY (session, decision)
);
CREATE TABLE IF NOT EXISTS final_ranges (   -- forecasts of a lesson that a student can no longer change
    member INTEGER NOT NULL REFERENCES members ON DELETE CASCADE,
    sheet TEXT NOT NULL,                    -- hash of the lesson and the student's number
    content TEXT NOT NULL,                  -- four numbers for each task, as JSON
    PRIMARY KEY (member, sheet)
);
CREATE TABLE IF NOT EXISTS seats (          -- tells apart two members that had the same id one after the other
    member INTEGER PRIMARY KEY REFERENCES members ON DELETE CASCADE,
    token TEXT NOT NULL                     -- random; the page of scenes keeps what a student did under it
);
CREATE TABLE IF NOT EXISTS door (           -- what opens the classroom after a stop of the server; one row
    code TEXT NOT NULL,                     -- code of the room
    secret TEXT NOT NULL                    -- key with which the cookies of admitted browsers are signed
);
