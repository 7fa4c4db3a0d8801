// Transactions of steps that depend on each other, in one request. A page that does not import it
// does not carry it: what it adds to the encoding, it adds when it is called.
import { Answer, none } from "./answer.js";
import { ask, execution } from "./client.js";
import {
  append,
  bool,
  list,
  nothing,
  operations,
  outcomes,
  result,
  statement,
  struct,
  u16,
  u8,
  variant,
} from "./codec.js";
import { assign, entries, isArray } from "./platform.js";

const kinds = ["ok", "error", "changed", "rows", "not", "all", "any"];
const condition = struct({ type: (out, value) => (u8(out, kinds.indexOf(value)), value), of: u16 });

/** The alternatives between are such as no page asks for, or is answered. */
export const learn = () => {
  append(operations, {
    install: nothing,
    null: nothing,
    reconfigure: nothing,
    transaction: struct({
      steps: list(struct({ statement, when: list(condition, 64), may_fail: bool }), 64),
      read_only: bool,
    }),
  });
  const step = variant({ result, skipped: nothing, error: outcomes.error });
  append(outcomes, { null: nothing, steps: struct({ steps: list(step, 64) }) });
};

/** { ok: 0 }, { not: { changed: 0 } }, { all: [...] } as the wire has them: in postfix order. */
function postfix(when) {
  return entries(when).flatMap(([type, of]) => {
    if (type === "not") return [...postfix(of), { type, of: 0 }];
    return isArray(of) ? [...of.flatMap(postfix), { type, of: of.length }] : { type, of };
  });
}

function stepsOf(taken, integers) {
  return taken.outcome.steps.map(({ type, code = "", message = "", ...set }) => {
    const answer = new Answer(type === "result" ? set : none, taken, integers);
    return assign(answer, { ran: type === "result", skipped: type === "skipped", code, message });
  });
}

export function transactionOf(given) {
  const { statements, read_only } = execution(given);
  const steps = statements.map((statement, i) => {
    const { when = {}, mayFail = false } = given[i];
    return { statement, when: postfix(when), may_fail: mayFail };
  });
  return { type: "transaction", steps, read_only };
}

export async function transaction(client, steps, options) {
  learn();
  return client[ask](transactionOf(steps), options, stepsOf);
}
