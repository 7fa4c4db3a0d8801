-- What the ballot paper's numbers mean never changes: no number is used again, and whoever shows the paper
-- to a voter has its version, which counts every change (cast_ballot).
CREATE TABLE paper(
  id INTEGER PRIMARY KEY CHECK (id = 1),
  version INTEGER NOT NULL,
  last_question INTEGER NOT NULL,
  last_candidate INTEGER NOT NULL
);
INSERT INTO paper(id, version, last_question, last_candidate)
  SELECT 1, 1, coalesce((SELECT max(id) FROM questions), 0), coalesce((SELECT max(id) FROM candidates), 0);

CREATE TRIGGER questions_have_new_numbers AFTER INSERT ON questions BEGIN
  SELECT ensure(NEW.id > (SELECT last_question FROM paper), 'number_used', 'this number of a question was used');
  UPDATE paper SET last_question = NEW.id, version = version + 1;
END;
CREATE TRIGGER candidates_have_new_numbers AFTER INSERT ON candidates BEGIN
  SELECT ensure(NEW.id > (SELECT last_candidate FROM paper), 'number_used', 'this number of a candidate was used');
  UPDATE paper SET last_candidate = NEW.id, version = version + 1;
END;
CREATE TRIGGER questions_keep_numbers BEFORE UPDATE OF id ON questions WHEN NEW.id <> OLD.id
BEGIN SELECT ensure(0, 'number_used', 'a question keeps its number'); END;
CREATE TRIGGER candidates_keep_numbers BEFORE UPDATE OF id, question ON candidates
WHEN NEW.id <> OLD.id OR NEW.question <> OLD.question
BEGIN SELECT ensure(0, 'number_used', 'a candidate keeps its number'); END;
CREATE TRIGGER paper_counts_changed_questions AFTER UPDATE ON questions
BEGIN UPDATE paper SET version = version + 1; END;
CREATE TRIGGER paper_counts_changed_candidates AFTER UPDATE ON candidates
BEGIN UPDATE paper SET version = version + 1; END;
CREATE TRIGGER paper_counts_removed_questions AFTER DELETE ON questions
BEGIN UPDATE paper SET version = version + 1; END;
CREATE TRIGGER paper_counts_removed_candidates AFTER DELETE ON candidates
BEGIN UPDATE paper SET version = version + 1; END;
