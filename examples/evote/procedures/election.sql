-- The election and where it stands.
-- @public
-- @read-only
SELECT title, description, state, created_us, frozen_us, opened_us, closed_us, published_us,
       now() AS now_us FROM election;
