CREATE TABLE invoices(
  id INTEGER PRIMARY KEY,
  customer TEXT NOT NULL,
  cents INTEGER NOT NULL CHECK (cents > 0),
  at_us INTEGER NOT NULL
);
-- What a page is found by.
CREATE INDEX invoices_of ON invoices(customer, id);
