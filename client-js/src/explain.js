// What a call, SQL or a transaction would do and cost. A page that does not import it does not
// carry it: what it adds to the encoding, it adds when it is called.
import { answersOf } from "./answer.js";
import { ask, execution } from "./client.js";
import { append, nothing, operations, struct, variant } from "./codec.js";
import { Refused } from "./errors.js";
import * as transactions from "./transaction.js";
import { toArguments } from "./values.js";

/** The alternatives between are such as no page asks for, or only one that joins otherwise. */
export const learn = () => {
  transactions.learn();
  const { call, execute, transaction } = operations;
  append(operations, {
    upgrade: nothing,
    identified_join: nothing,
    explain: struct({ of: variant({ call, execute, transaction }) }),
  });
};

const lines = (text) => (text ? text.split("\n") : []);

/** A row for each statement, and one for all of it (docs/wire.md). */
function explanationOf(taken) {
  const [ran, all] = answersOf(taken, "number");
  const [about] = all?.values ?? [];
  if (about?.length !== 7)
    throw new Refused(
      "unexpected_answer",
      "the replicas answer with something else than an explanation: are they of another version?",
      { sent: true, agreement: taken.agreement },
    );
  const [charged, budget, leftOut, code, message, procedure, statement] = about;
  const { seq, agreedUs, agreement } = all;
  return {
    statements: ran.rows.map((row) => ({ ...row, plan: lines(row.plan) })),
    leftOut,
    charged,
    budget,
    error: code === null ? null : { code, message, procedure, statement },
    seq,
    agreedUs,
    agreement,
  };
}

const explain = (client, of, options) => {
  learn();
  return client[ask]({ type: "explain", of }, options, explanationOf);
};

export async function explainCall(client, procedure, args, options) {
  return explain(client, { type: "call", procedure, arguments: toArguments(args) }, options);
}
/** `readOnly` is of this question alone, and says what `query` says. */
export async function explainSql(client, statements, { readOnly = false, ...options } = {}) {
  return explain(client, execution([statements].flat(), undefined, readOnly), options);
}
export async function explainTransaction(client, steps, options) {
  return explain(client, transactions.transactionOf(steps), options);
}
