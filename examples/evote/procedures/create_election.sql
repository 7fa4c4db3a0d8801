-- Begins a draft; while it is a draft, the title and the description may be given anew.
-- @param title text(800)
-- @param description text(20000) optional
-- @roles official, admin
SELECT ensure(may_act, 'key_not_valid', 'this key or code is not valid any more') FROM caller;
SELECT ensure(coalesce((SELECT state FROM election), 'draft') = 'draft',
              'wrong_state', 'the election is not a draft any more');
SELECT ensure(length(trim(:title)) > 0, 'bad_title', 'the election needs a title');
INSERT INTO election(id, title, description, state, created_us)
  VALUES(1, trim(:title), coalesce(:description, ''), 'draft', now())
  ON CONFLICT(id) DO UPDATE SET title = excluded.title, description = excluded.description;
INSERT INTO audit(at_us, actor, action, detail)
  VALUES(now(), session_principal(), 'create election', trim(:title));
