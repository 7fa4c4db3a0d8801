// Subscriptions: what changes, in order, as f+1 replicas tell it (docs/wire.md section 5.2). A page
// that does not import it does not carry it.
import { toHex } from "./bytes.js";
import { session } from "./client.js";
import {
  append,
  digest,
  encode,
  i64,
  key,
  list,
  messages,
  name,
  nothing,
  struct,
  u64,
  u8,
  value,
} from "./codec.js";
import { hash, sign, word } from "./crypto.js";
import { gaveUp, misuse, Refused } from "./errors.js";
import { cancel, isArray, later } from "./platform.js";
import { isOver } from "./session.js";
import { fromWire, isExact } from "./values.js";

/** What the caller has not taken yet, at most; and what waits of one replica's words. */
const waitingMax = 4096;
const againFirstMs = 200; // doubling: who refused may only be behind
const againMax = 5_000;
const refusalRounds = 3;
const passing = ["overloaded", "number_too_new", "unknown_subscription"];

const subscription = struct({ id: u64, session: u64, signer: key, topics: list(name, 64) });
const change = struct({ position: u64, seq: u64, agreed: i64, topic: name, value });
/** The alternatives between are such as no page asks for. */
export const learn = () =>
  append(messages, {
    configurations: nothing,
    fast_read_reply: nothing,
    fast_read_digest: nothing,
    changes: struct({ question: digest, from: u64, upto: u64, items: list(change, 1024) }),
  });

const highest = (places, rank) => places.sort((a, b) => b - a)[rank - 1];

/**
 * What the replicas say, until enough of them say it alike: the next change after `position`, or
 * that there is none, or that it is kept no more. Each says so of intervals, so that silence about
 * a change is a word, too.
 */
export function makeWatch({ weak, quorum, links, judge }, topics, after) {
  const voices = links.map(() => ({}));
  const next = ({ items }) => items[0];
  const speaks = ({ start }) => start <= self.position; // not if it never spoke

  const self = {
    position: after, // undefined: where to begin is not agreed on
    begin(id) {
      voices[id] = { asked: true, expected: self.position, items: [] };
    },
    wantsAnew: (id) => !voices[id].asked && !voices[id].missed && voices[id].start > self.position,
    wantsMore: (id) =>
      !voices[id].asked && speaks(voices[id]) && voices[id].items.length < waitingMax,
    more(id) {
      voices[id].asked = true;
    },
    /** Whether it can be; if not, it was not heard. */
    hear(id, { from, upto, items }) {
      const voice = voices[id];
      const heard = items.map((item) => ({
        item,
        at: +item.position,
        said: JSON.stringify(item),
      }));
      let before = +from;
      const fits =
        voice.asked &&
        isExact(+upto) &&
        !(before < voice.expected) &&
        heard.every(({ at, item: { topic } }) => {
          const rises = at > before && at <= +upto && topics.includes(topic);
          before = at;
          return rises;
        }) &&
        before <= +upto;
      if (!fits) return false;
      if (+from !== voice.expected) {
        voice.missed ||= voice.expected !== undefined;
        voice.items = [];
        voice.start = undefined;
      }
      voice.start ??= +from;
      voice.expected = +upto;
      voice.asked = false;
      voice.items.push(...heard);
      return true;
    },
    /** {missed, items}: what is believed now and was not before. */
    weigh() {
      const news = { missed: false, items: [] };
      if (self.position === undefined) {
        const places = voices.flatMap(({ start = [] }) => start);
        if (places.length < quorum) return news;
        self.position = highest(places, weak);
      }
      const settle = () => {
        do dropOld();
        while (believeNext(news) || believeNone());
      };
      settle();
      if (!news.items[0] && believeMissed()) {
        news.missed = true;
        settle();
      }
      return news;
    },
  };
  return self;

  function dropOld() {
    for (const { items = [] } of voices) {
      const kept = items.findIndex(({ at }) => at > self.position);
      items.splice(0, kept < 0 ? items.length : kept);
    }
  }
  function believeNext(news) {
    const heads = voices.filter((voice) => speaks(voice) && next(voice)).map(next);
    const believed = heads.find(
      ({ said }) => heads.filter((other) => other.said === said).length >= weak,
    );
    if (!believed) return false;
    voices.forEach((voice, id) => {
      if (speaks(voice) && voice.expected >= believed.at && next(voice)?.said !== believed.said)
        judge(id, "differed", "differs about a change");
    });
    self.position = believed.at;
    return news.items.push(believed.item);
  }
  function believeNone() {
    const places = voices
      .filter(speaks)
      .map((voice) => (next(voice) ? next(voice).at - 1 : voice.expected));
    const place = highest(places, weak);
    if (!(place > self.position)) return false;
    self.position = place;
    return true;
  }
  function believeMissed() {
    const places = voices
      .filter(({ missed, start }) => missed && start > self.position)
      .map(({ start }) => start);
    if (places.length < quorum) return false;
    // Of so many, one that is correct says no less, and one no more.
    self.position = highest(places, places.length - weak + 1);
    for (const voice of voices) voice.missed = false;
    return true;
  }
}

export function subscribe(client, { topics, after, integers = "number", signal } = {}) {
  const { group, signer, id, leaving } = client[session];
  if (!isArray(topics) || !topics[0]) misuse("topics: a list of 1 to 64 names");
  if (after !== undefined && !(isExact(after) && after >= 0)) misuse("after: a position");
  learn();
  const body = { id: String(group.nextId()), session: id, signer: signer.publicKey, topics };
  const encoded = encode(subscription, body);
  const watch = makeWatch(group, topics, after);
  const queue = [];
  const refusals = new Map(); // replica -> {code, rounds}
  const timers = new Map(); // replica -> when it is asked again
  let question; // in hex, once it is known
  let over; // an error, or true
  let told = after;
  const waiting = [];
  const wake = () => waiting.splice(0).forEach((go) => go());
  const news = () => new Promise((go) => waiting.push(go));

  const entry = {
    sent: true,
    fail: end,
    close() {},
    async askOf(channel) {
      cancel(timers.get(channel.id));
      timers.delete(channel.id);
      const { said } = channel;
      const from = watch.position;
      const place = from === undefined ? {} : { after: String(from) };
      watch.begin(channel.id);
      const parts = [encode(u8, +(from !== undefined))];
      if (place.after) parts.push(encode(u64, place.after));
      const data = word("prytany subscribe", said, await hashed, ...parts);
      const signature = await sign(signer.key, data);
      // It may be another connection by now, and that one is asked for itself.
      if (channel.ready && channel.said === said && !over)
        channel.send({ type: "subscribe", ...body, ...place, signature });
    },
    hear(replica, heard) {
      if (heard.type === "refused") return refused(replica, heard.code);
      if (heard.type !== "changes") return;
      if (!watch.hear(replica, heard)) {
        group.judge(replica, "differed", "says of a subscription what cannot be");
        return again(replica, 1000);
      }
      refusals.delete(replica);
      const { missed, items } = watch.weigh();
      if (missed) push({ missed, position: +(items[0]?.position ?? watch.position + 1) - 1 });
      for (const { position, seq, agreed, topic, value } of items)
        push({
          missed: false,
          position: +position,
          seq: +seq,
          agreedUs: +agreed,
          topic,
          value: fromWire(value, integers),
        });
      if (!queue[0]) told = watch.position;
      wake();
      askMore();
    },
  };
  const hashed = hash("prytany subscription", encoded);
  const ended = ({ reason }) => end(new Refused("session_ended", `the session has ended: ${reason}`));
  const aborted = () => end(gaveUp(signal, true));
  client.addEventListener("end", ended);
  signal?.addEventListener("abort", aborted);
  begin();

  const self = {
    get position() {
      return told;
    },
    async next() {
      while (!queue[0] && !over) await news();
      if (queue[0]) {
        const value = queue.shift();
        told = queue[0] ? value.position : watch.position;
        askMore();
        return { done: false, value };
      }
      if (over === true) return { done: true, value: undefined };
      const error = over;
      over = true;
      throw error;
    },
    async begun() {
      while (watch.position === undefined && !over) await news();
    },
    async return() {
      end(true);
      queue.length = 0;
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => self,
  };
  return self;

  async function begin() {
    question = toHex(await hashed);
    if (client.ended !== null) return ended({ reason: client.ended });
    if (signal?.aborted) return aborted();
    if (over) return;
    group.questions.set(question, entry);
    group.connect(); // one replica alone cannot tell
    group.up().forEach(entry.askOf);
  }
  function push(change) {
    queue.push(change);
    wake();
  }
  function askMore() {
    for (const channel of group.up()) {
      const { id } = channel;
      if (timers.has(id) || over) continue;
      if (watch.wantsAnew(id)) entry.askOf(channel);
      else if (queue.length < waitingMax && watch.wantsMore(id)) {
        watch.more(id);
        channel.send({ type: "more", question });
      }
    }
  }
  function again(replica, ms) {
    cancel(timers.get(replica));
    const ask = () => {
      timers.delete(replica);
      const channel = group.links[replica];
      if (channel.ready && !over) entry.askOf(channel);
    };
    timers.set(replica, later(ask, ms));
  }
  function refused(replica, code) {
    const before = refusals.get(replica);
    const rounds = before?.code === code ? before.rounds + 1 : 1;
    refusals.set(replica, { code, rounds });
    again(replica, Math.min(againFirstMs * 2 ** (rounds - 1), againMax));
    const alike = [...refusals.values()].filter(
      (other) => other.code === code && other.rounds >= refusalRounds,
    );
    // Our own LEAVE may be about to be answered.
    const mayPass = passing.includes(code) || (isOver(code) && leaving());
    if (alike.length < group.quorum || mayPass) return;
    end(new Refused(code, "the replicas refuse to tell of these topics", { sent: true }));
  }
  function end(how) {
    if (over) return;
    over = how;
    client.removeEventListener("end", ended);
    signal?.removeEventListener("abort", aborted);
    group.questions.delete(question);
    for (const timer of timers.values()) cancel(timer);
    if (question) for (const channel of group.up()) channel.send({ type: "unsubscribe", question });
    wake();
  }
}

/** Answers of a procedure: the first, and another whenever one of the topics has changed. */
export const watch = async function* (client, procedure, args, { topics, ...options }) {
  const { signal, integers } = options;
  const changes = subscribe(client, { topics, signal, integers });
  try {
    await changes.begun();
    for (;;) {
      const answer = await client.call(procedure, args, options);
      yield answer;
      // What was ordered before it is in it.
      let news;
      do {
        ({ value: news } = await changes.next());
        if (!news) return;
      } while (!news.missed && news.seq < answer.seq);
    }
  } finally {
    changes.return();
  }
};
