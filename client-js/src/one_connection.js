// One connection instead of n (docs/wire.md section 5.2; docs/decisions/0027-a-reply-bundle.md): a
// gateway passes our requests on and brings the others' words. It can keep them from us, and then we
// ask all; it cannot make them. A page that does not import it does not carry it.
import { makeChannel } from "./channel.js";
import { session } from "./client.js";
import * as codec from "./codec.js";
import { misuse } from "./errors.js";
import { cancel, later } from "./platform.js";
import { now } from "./question.js";
import { toJson } from "./values.js";

const bundledBytesMax = 64 << 10; // of a request
const patienceMs = 500; // for the others' greetings on their way through a gateway
const pauseMs = 1_000; // so long all are connected to; doubling while gateways fail
const pauseMaxMs = 60_000;
const pollMs = 50;
/** The same hello is asked of a replica no more often: it may be a liar that knows us never. */
const greetAgainMs = 1_000;
/** A gateway is left that takes four times what all replicas took, and so much more. */
const slackMs = 20;
/** For each request that was outstanding beside it. */
const companyMs = 2;
const answersEnough = 16;

// ---- the encoding -------------------------------------------------------------------------------

const { bool, list, messages, nothing, struct, tag, u16, variant } = codec;
const { reply_digest, refused, session_ended } = messages;
const hello_ok = struct({ ...codec.helloFields, signature: codec.signature });
const voice = variant({ hello_ok, reply_digest, refused, session_ended });
/** The voice's tag is behind it in the encoding, and in it in JSON. */
const passedBack = (out, { from, message }) => {
  u16(out, from);
  const known = voice(out, message);
  if (bool(out, message.tag !== undefined)) known.tag = tag(out, message.tag);
  return { from, message: known };
};
const others = struct({ others: list(struct({ replica: u16, tag }), 128) });
/** The alternatives between are such as only other modules ask for. */
export const learn = () =>
  codec.append(messages, {
    configurations: nothing,
    fast_read_reply: nothing,
    fast_read_digest: nothing,
    changes: nothing,
    identity_token: nothing,
    passed_back: passedBack,
    bundle: (out, value) => ({ ...codec.reply(out, value), ...others(out, value) }),
  });

// ---- the road -----------------------------------------------------------------------------------

export function oneConnection(client) {
  if (client.ended !== null) misuse("the session has ended", "closed");
  learn();
  const { group } = client[session];
  group.road ??= makeRoad(group);
  const { road } = group;
  return {
    get gateway() {
      return road.gateway;
    },
    stop: road.stop,
  };
}

/** What a gateway can bring: not more voices than are needed. */
const fits = (about) =>
  about?.mayRun && !(about.linger > 0) && !about.onAgreement && about.size <= bundledBytesMax;

function makeRoad(group) {
  const { links } = group;
  const enough = links.length - group.weak + 1; // as many as correct ones are
  let state = "apart"; // then greeting, then together
  let at; // the gateway's id, unless we are apart
  let beyond = []; // by id: {channel: to it, through the gateway; socket: of that}
  let greetedAt = []; // by id
  let failures = Math.floor(Math.random() * links.length); // so that clients spread
  let pause = pauseMs / 2;
  let since, answered; // together; the last time that the gateway brought an answer
  let answers, latencyMs, usualMs; // of the gateway; and of all, when they were asked
  let timer;

  const self = {
    get gateway() {
      return state === "together" ? at : null;
    },
    /** Whether it takes this sending of a question upon itself. */
    carries(question, message, round) {
      const { about } = question;
      if (state !== "together" || !about.mayRun) return false;
      if (round > 1 && about.bundled) self.part("is silent", true);
      if (round === 1 && !fits(about)) self.part();
      if (round > 1 || state !== "together") return false;
      about.bundled = true;
      send(about, message);
      return true;
    },
    hear(replica, message) {
      if (state === "apart" || replica !== at) return;
      const { type, code, request } = message;
      if (type === "passed_back") passedOn(message);
      else if (type === "bundle") unbundle(message);
      // That it passes on no more greetings now is no word about what it was asked to bring.
      else if (type === "refused" && !(code === "overloaded" && /^0*$/.test(request)))
        self.part(`refuses: ${code}`, code !== "not_bundled");
    },
    /**
     * A gateway may answer just before it would be asked again, each time. Should the group itself
     * be as slow, or have become so, asking all of them tells. (A join is no measure: a faulty
     * primary could make a faulty gateway look normal.)
     */
    took({ askedAt, bundled, mayRun, answeredAt, company = 0 }, agreedAt) {
      if (!askedAt || !mayRun) return;
      const ms = (answeredAt ?? agreedAt) - askedAt - companyMs * company;
      const smoothed = (before) => (before === undefined ? ms : (7 * before + ms) / 8);
      if (!bundled) usualMs = smoothed(usualMs);
      else {
        answered = now();
        latencyMs = smoothed(latencyMs);
        const bearable = 4 * (usualMs ?? slackMs) + slackMs;
        if (++answers >= answersEnough && latencyMs > bearable) self.part("is slow", true);
      }
    },
    lost(replica) {
      if (state !== "apart" && replica === at) self.part("is gone", true);
    },
    /** Back to all of them: what is unanswered they are asked anew, with signatures. */
    part(why = "cannot bring all that is asked", failed = false) {
      if (state === "apart") return;
      // Failures long ago say nothing about the next gateway. One that serves as long as we waited
      // for it, and fails then, costs us no more than half of the time.
      if (failed && state === "together" && answered - since > pause) pause = pauseMs / 2;
      leave();
      if (failed) {
        ++failures;
        pause = Math.min(2 * pause, pauseMaxMs);
      }
      wait(begin, Math.max(pause, pauseMs));
      group.emit("gateway", at, why);
      for (const link of links) link.connect();
      for (const { about, again } of asked())
        if (about?.bundled) {
          about.bundled = false;
          about.tag = undefined;
          again(pollMs);
        }
    },
    stop() {
      self.part("is not wanted any more");
      self.end();
    },
    end() {
      leave();
      cancel(timer);
      group.road = undefined;
    },
  };
  begin();
  return self;

  function wait(then, ms) {
    cancel(timer);
    timer = later(then, ms);
  }
  function leave() {
    state = "apart";
    for (const { channel } of beyond.filter(Boolean)) channel.close();
    beyond = [];
  }
  /** What replicas are still to be heard about; of what other modules ask nothing is known. */
  function asked() {
    return [...group.questions.values()].filter(({ open = true }) => open);
  }
  function met() {
    return 1 + beyond.filter((one) => one?.channel.ready).length;
  }

  // ---- coming together --------------------------------------------------------------------------

  function begin() {
    const candidates = group.up();
    const mayBegin = group.sessions.size > 0 && asked().every(({ about }) => fits(about));
    if (!mayBegin || candidates.length < enough) return wait(begin, pauseMs);
    at = candidates[failures % candidates.length].id;
    state = "greeting";
    for (const { id } of links) if (id !== at) greet(id);
    wait(() => (met() < enough ? self.part("reaches too few", true) : come()), patienceMs);
  }
  /** A connection like any other, but that its texts go through the gateway. */
  function greet(id) {
    beyond[id]?.channel.close();
    const mine = {};
    greetedAt[id] = now();
    class Through {
      readyState = 1;
      constructor() {
        mine.socket = this;
        queueMicrotask(() => this.onopen?.());
      }
      send(text) {
        if (beyond[id] === mine && links[at].ready)
          links[at].send({ type: "pass_on", to: id, message: JSON.parse(text) });
      }
      close() {}
    }
    const { cluster, members } = group;
    const emit = (type) => type === "reconnecting" && doWithout(id, mine);
    const road = { cluster, emit, heard: group.heard, ready: () => compare(id, mine) };
    mine.channel = makeChannel(road, id, members[id], Through);
    beyond[id] = mine;
    mine.channel.connect();
  }
  /**
   * Another configuration than the gateway's is proven on a connection of its own. One alone may say
   * what it likes: we do without it.
   */
  function compare(id, mine) {
    if (mine.channel.era !== links[at].era) doWithout(id, mine);
    else if (state === "greeting" && met() === links.length) come();
  }
  function doWithout(id, mine) {
    mine.channel.close();
    if (beyond[id] !== mine) return;
    delete beyond[id];
    if (state === "together" && met() < enough) self.part("brings what others would not say", true);
  }
  function come() {
    state = "together";
    since = answered = now();
    answers = 0;
    latencyMs = undefined;
    group.emit("gateway", at);
    settle();
  }
  /** The others hang up once those that were asked directly have answered. */
  function settle() {
    if (asked().some(({ about }) => !about?.bundled)) return wait(settle, pollMs);
    cancel(timer);
    for (const link of links) if (link.id !== at) link.rest();
  }

  // ---- together ---------------------------------------------------------------------------------

  async function send(about, message) {
    const mine = beyond;
    const channels = links.map(({ id }) => (id === at ? links[at] : mine[id]?.channel));
    const tags = await Promise.all(
      channels.map((channel) => group.macs && channel?.ready && about.tag?.(channel)),
    );
    // To whom it did not bring us a tag is no use, and no harm.
    const proof = tags[links[at].id]
      ? { tags: tags.map((one) => (one ? one.tag : "00".repeat(16))) }
      : await about.sign();
    if (beyond !== mine || !links[at].ready) return;
    // What we need for our own tags, and to look at the answer's, is none of the gateway's doing.
    about.askedAt = now();
    about.company = asked().length - 1;
    links[at].send({ ...message, designated: undefined, ...proof, type: "bundle_request" });
  }
  /** The gateway's own voice is heard like any reply; here are those that it brings. */
  async function unbundle({ session: id, number, request, said, others: tags }) {
    const mine = beyond;
    const question = group.questions.get(request);
    if (question?.about?.bundled) question.about.answeredAt = links[at].arrivedAt;
    const digest = { type: "reply_digest", session: id, number, request, reply: said };
    // Of 2f others f may be faulty, and the gateway cannot tell who is: their tags prove nothing,
    // and are none of its doing.
    const proven = await Promise.all(
      tags.map(({ replica, tag: theirs }) => mine[replica]?.channel.vouches(digest, theirs)),
    );
    tags.forEach(({ replica }, i) => proven[i] && question?.hear(replica, { ...digest, said }));
    if (beyond === mine && question?.open && question.about.bundled)
      self.part("brings too few tags that prove anything", true);
  }
  function passedOn({ from, message }) {
    const { socket } = beyond[from] ?? {};
    if (from === at || !links[from]) return;
    if (message.type === "refused" && /^(hello|speak_for)_first$/.test(message.code)) {
      // It was restarted, or cut off from the gateway: whoever says so, it costs us a hello.
      if (!(now() - greetedAt[from] < greetAgainMs)) greet(from);
    } else socket?.onmessage?.({ data: toJson(message) });
  }
}
