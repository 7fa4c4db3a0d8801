// The pages' words and pure parts, without a browser: both languages say the same things, rolls are
// read as spreadsheets write them, and the recount finds what does not add up.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { csvLine, lettersCsv, parseCsv, readRoll } from "../../examples/evote/web/lib/csv.js";
import { recount } from "../../examples/evote/web/lib/recount.js";
import { de } from "../../examples/evote/web/lang/de.js";
import { en } from "../../examples/evote/web/lang/en.js";

// What is all that loading needs of a page.
globalThis.document = { documentElement: {} };
const { actorWords, auditCsv } = await import("../../examples/evote/web/lib/audit.js");

const web = fileURLToPath(new URL("../../examples/evote/web", import.meta.url));
const files = readdirSync(web, { recursive: true }).map(String);
const text = (name) => readFileSync(join(web, name), "utf8");

test("both languages have the same keys, parameters and forms, and nothing is untranslated", () => {
  assert.deepEqual(Object.keys(de), Object.keys(en));
  const parameters = (words) => [...new Set(JSON.stringify(words).match(/\{\w+\}/g))].sort();
  const same = [];
  for (const [key, words] of Object.entries(en)) {
    assert.deepEqual(parameters(de[key]), parameters(words), key);
    assert.equal(typeof de[key], typeof words, key);
    if (
      de[key] === words &&
      !/^(servers\.name|roll\.made|csv\.column|dev\.server|vote\.step\.code)/.test(key)
    )
      same.push(key);
  }
  assert.deepEqual(same, []);
});

test("every key that a page names has words", () => {
  let named = 0;
  for (const name of files.filter((file) => file.endsWith(".js") && !file.startsWith("lang"))) {
    for (const [, key] of text(name).matchAll(/\bt\("([a-z_.0-9]+)"/g)) {
      assert.ok(key in en, `${name}: ${key}`);
      ++named;
    }
  }
  assert.ok(named > 200);
});

test("every procedure of voters and officials looks first whether the key is still the one", () => {
  const folder = join(web, "../procedures");
  let looked = 0;
  for (const name of readdirSync(folder)) {
    const sql = readFileSync(join(folder, name), "utf8");
    if (!/^-- @roles .*(voter|official)/m.test(sql)) continue;
    const [first] = sql.split("\n").filter((line) => !line.startsWith("--"));
    assert.match(first, /^SELECT ensure\(may_act, 'key_not_valid', .* FROM caller;$/, name);
    ++looked;
  }
  assert.ok(looked >= 18, `${looked} procedures`);
});

test("no page has a style, a script or an address of elsewhere in it", () => {
  const pages = files.filter((file) => file.endsWith(".html"));
  assert.equal(pages.length, 8);
  for (const name of pages) {
    assert.match(
      text(name),
      /<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self'; style-/,
      name,
    );
    assert.doesNotMatch(text(name), /<style|<script>|style="| on\w+="|https?:\/\//, name);
  }
  for (const name of files.filter((file) => /\.(js|css)$/.test(file) && !file.startsWith("lang")))
    assert.doesNotMatch(
      text(name),
      /innerHTML|insertAdjacentHTML|document\.write|@import|url\(|eval\(/,
      name,
    );
});

test("a roll is read with quotes, semicolons, tabs, byte order mark, any order of columns", () => {
  const roll = (content) => readRoll(new TextEncoder().encode(content));
  const voters = ({ voters: all }) => all.map(({ id, name, district }) => [id, name, district]);
  const wanted = [
    ["1", 'A "B", C', "X"],
    ["2", "D", "Y"],
  ];
  assert.deepEqual(voters(roll('id,name,district\r\n1,"A ""B"", C",X\r\n2,D,Y\r\n')), wanted);
  assert.deepEqual(voters(roll('\ufeffNummer;Bezirk;Name\n1;X;"A ""B"", C"\n\n2;Y;D')), wanted);
  assert.deepEqual(voters(roll('name\tid\tdistrict\nA "B", C\t1\tX\nD\t2\tY')), wanted);
  assert.deepEqual(
    roll('id,name,district\n1,a,b\n2,"c\nd",e\n1,f,g').voters.map(({ line, errors }) => [
      line,
      errors.map(({ key }) => key),
    ]),
    [
      [2, []],
      [3, []],
      [5, ["csv.twice"]],
    ],
  );
  assert.deepEqual(roll('id,name,district\n1,"a,b\n').problem, { key: "csv.open_quote", line: 2 });
  assert.equal(roll("").problem.key, "csv.empty");
  assert.equal(roll("id,name,district\n").problem.key, "csv.no_rows");
  assert.equal(roll("id,name\n1,2").problem.column, "district");
  assert.deepEqual(
    readRoll(new TextEncoder().encode("id,name,district\n1,a,b"), new Set(["1"])).voters[0].errors,
    [{ key: "csv.taken" }],
  );
  assert.equal(roll(`id,name,district\n${"x".repeat(51)},a,b`).voters[0].errors[0].max, 50);
  assert.deepEqual(parseCsv(csvLine(['a"b', "c,d", "e\nf", 7]))[0].fields, [
    'a"b',
    "c,d",
    "e\nf",
    "7",
  ]);
});

test("nothing that a file holds is a formula to a spreadsheet, and it is read back as it was", () => {
  for (const name of ["=1+1", "+49 30 123", "-2+3", "@SUM(A1)", "=HYPERLINK(\"http://x\"; \"y\")"]) {
    const line = csvLine(["V1", name, 7, -5]);
    const [{ fields }] = parseCsv(line);
    assert.deepEqual(fields, ["V1", name, "7", "-5"], line);
    assert.ok(/^V1,"?'/.test(line), line);
    const codes = lettersCsv([{ id: name, name: "\t=A", district: name, code: "7Q4M" }]);
    assert.doesNotMatch(codes, /(^|[,;\n])"?[=+\-@\t]/m);
  }
  assert.equal(csvLine(["O'Neill", "'twas", "a-b=c", "-12.5"]), "O'Neill,'twas,a-b=c,-12.5\r\n");
  const log = auditCsv([{ id: 1, at_us: 0, actor: "official:=A", action: "x", detail: "=1+1" }]);
  assert.match(log, /,official:=A,x,'=1\+1\r\n$/);
});

test("whoever did something is named in full, and an administrator without the window's name", () => {
  const key = "0123456789abcdef".repeat(2);
  assert.equal(actorWords(`official:Chair / Board: 2:${key}`), "Chair / Board: 2");
  for (const admin of ["admin:0123456789abcdef/page-1a2b", "admin:0123456789abcdef"])
    assert.equal(actorWords(admin), "administrator with key 0123456789abcdef");
});

test("the recount accepts what adds up and finds every kind of mistake", () => {
  const paper = (question, candidate) => ({
    question,
    text: `Q${question}`,
    choose_min: 1,
    choose_max: question,
    allow_blank: 1,
    candidate,
    name: `C${candidate}`,
  });
  const good = () => ({
    format: "evote record 1",
    ballot_paper: [paper(1, 1), paper(1, 2), paper(2, 3), paper(2, 4)],
    turnout: [{ district: "", voters: 5, voted: 3 }],
    receipts: ["A", "B", "C"],
    published_ballots: [
      { question: 1, chosen: "1", ballots: 2 },
      { question: 1, chosen: "0", ballots: 1 },
      { question: 2, chosen: "3 4", ballots: 1 },
      { question: 2, chosen: "4", ballots: 2 },
    ],
    results: [
      [1, 1, 2],
      [1, 2, 0],
      [1, 0, 1],
      [2, 3, 1],
      [2, 4, 3],
      [2, 0, 0],
    ].map(([question, candidate, votes]) => ({ question, candidate, votes })),
  });
  assert.equal(recount(good()).ok, true);
  const failing = (change) => {
    const record = good();
    change(record);
    const { ok, checks, questions } = recount(record);
    assert.equal(ok, false);
    return [
      ...checks.filter((check) => !check.ok).map(({ name }) => name),
      ...questions.flatMap(({ lines }) =>
        lines.filter((line) => !line.ok).map(({ candidate }) => candidate),
      ),
    ];
  };
  assert.deepEqual(
    failing((r) => {
      r.results[0].votes = 3;
    }),
    [1],
  );
  assert.deepEqual(
    failing((r) => {
      r.results.splice(1, 1);
    }),
    [2],
  );
  assert.deepEqual(
    failing((r) => {
      r.results.push(r.results[0]);
    }),
    [1],
  );
  assert.deepEqual(
    failing((r) => {
      r.published_ballots[0].ballots = 3;
      r.results[0].votes = 3;
    }),
    ["every_ballot"],
  );
  assert.deepEqual(
    failing((r) => {
      r.published_ballots[0].chosen = "1 2";
      r.results[1].votes = 2;
    }),
    ["lawful"],
  );
  assert.deepEqual(
    failing((r) => {
      r.published_ballots[3].chosen = "4 4";
      r.results[4].votes = 5;
    }),
    ["lawful"],
  );
  assert.deepEqual(
    failing((r) => {
      r.published_ballots[3].chosen = "0 4";
      r.results[5].votes = 2;
    }),
    ["lawful"],
  );
  assert.deepEqual(
    failing((r) => {
      r.turnout[0].voted = 4;
    }),
    ["turnout"],
  );
  assert.deepEqual(
    failing((r) => {
      r.receipts[0] = "B";
    }),
    ["no_double"],
  );
  assert.deepEqual(
    failing((r) => {
      r.results.push({ question: 9, candidate: 1, votes: 1 });
    }),
    ["nothing_else"],
  );
  assert.throws(() => recount({}), /not a record/);
});
