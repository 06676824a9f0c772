-- Everything that class sessions keep. What a browser or a teacher proves itself with is kept as a hash only.
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    word_hash TEXT NOT NULL,                -- of the word with which a teacher comes back from another browser
    opened TEXT NOT NULL,
    ended TEXT,
    names_shown INTEGER NOT NULL DEFAULT 0  -- on the wall; letters if not
);
CREATE TABLE owners (
    session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
    browser TEXT NOT NULL,                  -- hash
    PRIMARY KEY (session, browser)
);
CREATE TABLE teams (
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
    letter TEXT NOT NULL,
    name TEXT NOT NULL,
    folded TEXT NOT NULL,                   -- the name without what does not set two names apart
    key TEXT NOT NULL,                      -- with which others join the team; nothing for one student alone
    UNIQUE (session, letter),
    UNIQUE (session, folded)
);
CREATE TABLE members (
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
    team INTEGER NOT NULL REFERENCES teams ON DELETE CASCADE,
    browser TEXT NOT NULL,                  -- hash
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
    suggested TEXT NOT NULL,                -- words, as JSON
    is_fixed INTEGER NOT NULL,              -- whether everybody's claim is about what is suggested
    runs INTEGER NOT NULL,
    stage TEXT NOT NULL,
    UNIQUE (session, number)
);
CREATE TABLE claims (
    question INTEGER NOT NULL REFERENCES questions ON DELETE CASCADE,
    team INTEGER NOT NULL REFERENCES teams ON DELETE CASCADE,
    words TEXT NOT NULL,                    -- as JSON
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
    words TEXT NOT NULL,                    -- as JSON
    answer TEXT NOT NULL,                   -- as JSON
    PRIMARY KEY (question, words)
);
CREATE INDEX members_of_team ON members (team);
CREATE INDEX claims_of_team ON claims (team);
