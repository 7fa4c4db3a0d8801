-- The election and where it stands. `closes_us` is when voting ends by itself, NULL if it does not.
-- @public
-- @read-only
SELECT title, description, state, created_us, frozen_us, opened_us, closes_us, closed_us, published_us
  FROM election;
