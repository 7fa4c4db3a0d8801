// Answer: what a statement or a procedure gave, and who said so.
import { misuse } from "./errors.js";
import { fromWire, toInteger } from "./values.js";
import { assign } from "./platform.js";

export class Answer {
  /** `result`: one of the wire's; `taken`: {seq, agreed, agreement}. */
  constructor({ columns, rows, changes, last_insert_rowid }, { seq, agreed, agreement }, integers) {
    const values = rows.map((row) => row.map((value) => fromWire(value, integers)));
    assign(this, {
      columns,
      values,
      rows: values.map((row) => Object.fromEntries(row.map((value, i) => [columns[i], value]))),
      changes: Number(changes),
      lastInsertRowid: toInteger(last_insert_rowid, integers),
      seq: Number(seq),
      agreedUs: Number(agreed),
      agreement,
    });
  }
  one() {
    return only(this.rows, "rows");
  }
  value() {
    return only(only(this.values, "rows"), "values");
  }
  [Symbol.iterator]() {
    return this.rows.values();
  }
}

const only = (list, what) =>
  list.length === 1 ? list[0] : misuse(`${list.length} ${what} instead of one`);

export const none = { columns: [], rows: [], changes: 0, last_insert_rowid: 0 };

export function answersOf(taken, integers) {
  const { results = [] } = taken.outcome;
  return (results[0] ? results : [none]).map((result) => new Answer(result, taken, integers));
}

/** The last rows, and the changes of all. */
export function answerOf(taken, integers) {
  const answers = answersOf(taken, integers);
  const last = answers.at(-1);
  last.changes = answers.reduce((sum, { changes }) => sum + changes, 0);
  return last;
}
