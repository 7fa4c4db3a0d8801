// Answer: what a statement or a procedure gave, and who said so.
import { Usage } from "./errors.js";
import { fromWire, toInteger } from "./values.js";

export class Answer {
  /** `result`: one of the wire's; `about`: {seq, agreed, agreement}. */
  constructor(result, { seq, agreed, agreement }, integers) {
    this.columns = result.columns;
    this.values = result.rows.map((row) => row.map((value) => fromWire(value, integers)));
    this.rows = this.values.map((row) => Object.fromEntries(row.map((value, i) => [result.columns[i], value])));
    this.changes = Number(result.changes);
    this.lastInsertRowid = toInteger(result.last_insert_rowid, integers);
    this.seq = Number(seq);
    this.agreedUs = Number(agreed);
    this.agreement = agreement;
  }
  one() {
    if (this.rows.length !== 1) throw new Usage(`one row was expected, and there are ${this.rows.length}`);
    return this.rows[0];
  }
  value() {
    if (this.values.length !== 1 || this.columns.length !== 1)
      throw new Usage(`one value was expected, and there are ${this.values.length} rows of ` +
                      `${this.columns.length} columns`);
    return this.values[0][0];
  }
  [Symbol.iterator]() {
    return this.rows[Symbol.iterator]();
  }
}

const none = { columns: [], rows: [], changes: "0", last_insert_rowid: "0" };

export function answersOf(taken, integers) {
  const results = taken.outcome.results ?? [none];
  return (results.length > 0 ? results : [none]).map((result) => new Answer(result, taken, integers));
}

/** The last rows, and the changes of all. */
export function answerOf(taken, integers) {
  const answers = answersOf(taken, integers);
  const last = answers.at(-1);
  last.changes = answers.reduce((sum, { changes }) => sum + changes, 0);
  return last;
}
