-- Writes an invoice for the caller, and has it mailed.
-- @param cents integer
-- @roles customer
INSERT INTO invoices(customer, cents, at_us) VALUES(session_principal(), :cents, now())
  RETURNING id AS ":invoice";
CALL put_out(kind => 'mail',
             payload => json_object('to', session_principal(), 'subject', 'Invoice ' || :invoice))
  INTO :effect;
SELECT :invoice AS invoice, :effect AS effect;
