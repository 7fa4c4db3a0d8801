// Tally: what the replicas said to one question, one voice each, until enough of them said the same.

export class Tally {
  #voices = new Map();  // replica -> what it said: a digest in hex
  #wholes = new Map();  // replica -> the whole answer with that digest

  /** `whole`, if given, has the digest `said`: computed by the caller, never taken from the sender. */
  say(replica, said, whole) {
    if (this.#voices.get(replica) !== said) this.#wholes.delete(replica);
    this.#voices.set(replica, said);
    if (whole) this.#wholes.set(replica, whole);
  }
  /** What `enough` replicas said alike, whether or not the whole answer is at hand. */
  settled(enough) {
    for (const said of this.#voices.values()) if (this.#count(said) >= enough) return said;
    return undefined;
  }
  #count(said) {
    let count = 0;
    for (const other of this.#voices.values()) if (other === said) ++count;
    return count;
  }
  /** Whole answers that are `said`, from whomever they came: the digest covers all of each. */
  wholes(said) {
    return [...this.#wholes].filter(([replica]) => this.#voices.get(replica) === said).map(([, whole]) => whole);
  }
  heard(replica) {
    return this.#voices.has(replica);
  }
  get size() {
    return this.#voices.size;
  }
  /** Of replicas 0 to n-1. */
  about(said, n) {
    const agreement = { agreed: [], differed: [], silent: [] };
    for (let replica = 0; replica < n; ++replica) {
      const voice = this.#voices.get(replica);
      agreement[voice === undefined ? "silent" : voice === said ? "agreed" : "differed"].push(replica);
    }
    return agreement;
  }
  forgetWholes() {
    this.#wholes.clear();
  }
}
