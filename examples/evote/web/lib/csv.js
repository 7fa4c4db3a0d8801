// The roll as a spreadsheet saves it, with what is wrong in which row.

/**
 * Spreadsheets compute what begins so, even in quotation marks; with an apostrophe before it they
 * show it as it is (OWASP, "CSV injection"). A number is no formula.
 */
const isFormula = (value) => /^[=+\-@\t\r]/.test(value) && !/^-?\d+([.,]\d+)?$/.test(value);
/** The apostrophe again, of a file that we wrote. */
const isMarked = (field) => field[0] === "'" && isFormula(field.slice(1));

export const csvField = (value) => {
  const text = isFormula(value) ? `'${value}` : String(value);
  return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
export const csvLine = (values) =>
  `${values.map((value) => csvField(String(value))).join(",")}\r\n`;

export const lettersCsv = (voters) =>
  [
    "id,name,district,code\r\n",
    ...voters.map(({ id, name, district, code }) => csvLine([id, name, district, code])),
  ].join("");

/** [{line, fields}]; quotes as in RFC 4180. Throws {key, line} at a quote that is not closed. */
export function parseCsv(text) {
  const first = text.slice(0, text.search(/[\r\n]|$/));
  const delimiter = [",", ";", "\t"].reduce((best, d) =>
    first.split(d).length > first.split(best).length ? d : best,
  );
  const rows = [];
  let line = 1,
    at = 0;
  while (at < text.length) {
    const row = { line, fields: [] };
    for (;;) {
      let field = "";
      if (text[at] === '"') {
        const opened = line;
        for (++at; ; ++at) {
          if (at >= text.length) throw { key: "csv.open_quote", line: opened };
          if (text[at] === '"' && text[++at] !== '"') break;
          if (text[at] === "\n") ++line;
          field += text[at];
        }
      }
      while (at < text.length && text[at] !== delimiter && text[at] !== "\n" && text[at] !== "\r")
        field += text[at++];
      field = field.trim();
      row.fields.push(isMarked(field) ? field.slice(1) : field);
      if (text[at] !== delimiter) break;
      ++at;
    }
    if (text[at] === "\r") ++at;
    if (text[at] === "\n") ++at;
    ++line;
    if (row.fields.some((field) => field !== "")) rows.push(row);
  }
  return rows;
}

const columns = {
  id: { names: ["id", "number", "nr", "no", "nummer", "kennung"], max: 50 },
  name: { names: ["name", "voter", "wähler", "wählerin"], max: 200 },
  district: { names: ["district", "ward", "bezirk", "wahlbezirk", "stimmbezirk"], max: 100 },
};

/**
 * {voters: [{line, id, name, district, errors: [{key, ...}]}], problem: {key, ...} or null}: a
 * problem is of
 * the whole file. `taken`: ids that are on the roll already.
 */
export function readRoll(bytes, taken = new Set()) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return { voters: [], problem: { key: "csv.not_utf8" } };
  }
  let rows;
  try {
    rows = parseCsv(text);
  } catch (problem) {
    return { voters: [], problem };
  }
  if (rows.length === 0) return { voters: [], problem: { key: "csv.empty" } };
  const head = rows[0].fields.map((field) => field.toLowerCase());
  const place = {};
  for (const [column, { names }] of Object.entries(columns)) {
    place[column] = head.findIndex((field) => names.includes(field));
    if (place[column] < 0) return { voters: [], problem: { key: "csv.no_column", column } };
  }
  if (rows.length === 1) return { voters: [], problem: { key: "csv.no_rows" } };
  const seen = new Map();
  const voters = rows.slice(1).map(({ line, fields }) => {
    const voter = { line, errors: [] };
    for (const [column, { max }] of Object.entries(columns)) {
      voter[column] = fields[place[column]] ?? "";
      const length = [...voter[column]].length;
      if (length === 0) voter.errors.push({ key: "csv.missing", column });
      else if (length > max) voter.errors.push({ key: "csv.too_long", column, max });
    }
    if (fields.length > head.length)
      voter.errors.push({ key: "csv.too_many", n: fields.length, most: head.length });
    if (voter.id !== "" && seen.has(voter.id))
      voter.errors.push({ key: "csv.twice", other: seen.get(voter.id) });
    else seen.set(voter.id, line);
    if (taken.has(voter.id)) voter.errors.push({ key: "csv.taken" });
    return voter;
  });
  return { voters, problem: null };
}
