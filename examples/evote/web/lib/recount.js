// Counting again from the published ballots. No page and no server is needed for this: a record
// goes in, what is wrong with it comes out. Node can run it too.

/** Everything about the election that anybody may read, as one object that can be kept as JSON. */
export async function collectRecord({ cluster, read, readAll }) {
  const heard = {};
  const ask = async (procedure, args) => {
    const answer = await read(procedure, args);
    const { agreed, differed, silent } = answer.agreement;
    heard[procedure] = { seq: answer.seq, agreed, differed, silent };
    return answer;
  };
  const rows = async (procedure) => (await ask(procedure)).rows;
  return {
    format: "evote record 1",
    cluster: {
      name: cluster.name,
      id: cluster.id,
      fingerprint: cluster.fingerprint,
      servers: cluster.replicas.map(({ id, name, url }) => ({ id, name, url })),
    },
    taken: new Date().toISOString(),
    election: (await ask("election")).one(),
    ballot_paper: await rows("ballot_paper"),
    turnout: await rows("turnout"),
    results: await rows("results"),
    published_ballots: await rows("published_ballots"),
    receipts: (await readAll(ask, "bulletin_board", "receipt")).map(({ receipt }) => receipt),
    test_ballots: await readAll(ask, "test_ballots", "receipt"),
    audit_log: await readAll(ask, "audit_log", "id"),
    servers_heard: heard,
  };
}

/**
 * {ok, questions: [{question, text, ballots, lines: [{candidate, name, published, counted, ok}]}],
 * checks: [{name, ok, ...}]}. Throws an Error for what is no record.
 */
export function recount(record) {
  if (record?.format !== "evote record 1") throw new Error("not a record of an election");
  const { ballot_paper: paper, results, published_ballots: ballots, receipts, turnout } = record;
  const ids = [...new Set(paper.map(({ question }) => question))];
  const checks = [];
  const questions = ids.map((question) => {
    const mine = paper.filter((row) => row.question === question);
    const [{ text, choose_min: min, choose_max: max, allow_blank: blank }] = mine;
    const counted = new Map([
      ...mine.map(({ candidate }) => [candidate, 0]),
      ...(blank ? [[0, 0]] : []),
    ]);
    let all = 0;
    let lawful = true;
    for (const { chosen, ballots: n } of ballots.filter((row) => row.question === question)) {
      const choice = String(chosen).split(" ").map(Number);
      all += n;
      const isBlank = choice.length === 1 && choice[0] === 0;
      lawful &&=
        n > 0 &&
        new Set(choice).size === choice.length &&
        choice.every((c) => counted.has(c)) &&
        (isBlank || (!choice.includes(0) && choice.length >= min && choice.length <= max));
      for (const c of choice) counted.set(c, (counted.get(c) ?? 0) + n);
    }
    checks.push({
      name: "every_ballot",
      question: text,
      ok: all === receipts.length,
      n: all,
      receipts: receipts.length,
    });
    checks.push({ name: "lawful", question: text, ok: lawful });
    const published = results.filter((row) => row.question === question);
    const keys = new Set([...counted.keys(), ...published.map(({ candidate }) => candidate)]);
    const lines = [...keys].map((candidate) => {
      const votes = published.filter((row) => row.candidate === candidate);
      const line = {
        candidate,
        name:
          candidate === 0
            ? null
            : (mine.find((row) => row.candidate === candidate)?.name ?? `${candidate}`),
        published: votes.length === 1 ? votes[0].votes : null,
        counted: counted.get(candidate) ?? 0,
      };
      return { ...line, ok: line.published === line.counted };
    });
    lines.sort(
      (a, b) =>
        (a.candidate === 0) - (b.candidate === 0) ||
        b.counted - a.counted ||
        a.candidate - b.candidate,
    );
    return { question, text, choose_max: max, ballots: all, lines };
  });
  checks.push({
    name: "turnout",
    ok: turnout[0]?.voted === receipts.length,
    n: turnout[0]?.voted ?? 0,
    receipts: receipts.length,
  });
  checks.push({ name: "no_double", ok: new Set(receipts).size === receipts.length });
  const strangers = [...results, ...ballots].filter(({ question }) => !ids.includes(question));
  checks.push({ name: "nothing_else", ok: strangers.length === 0 });
  return {
    ok: checks.every(({ ok }) => ok) && questions.every(({ lines }) => lines.every(({ ok }) => ok)),
    questions,
    checks,
  };
}
