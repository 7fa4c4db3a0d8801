// Attacks with reads of a session that are not ordered (docs/protocol.md, "Reads that are not
// ordered"): they are answered to who proved to hold the session's key on that connection, and
// nobody else; change nothing; and wait within bounds.
#include <utility>

#include "server/wire/client_json.h"
#include "tests/sim/hostile/stranger.h"

namespace prytany::sim {

namespace {

wire::Execute query(const char* sql, bool read_only = true) {
  return {{{wire::Statement{{sql}, {}, {}}}}, read_only};
}

}  // namespace

/// What a read asks: things that may be read, that must not be, and that are nothing.
Bytes Stranger::readable() {
  switch (rng_.below(8)) {
    case 0: return wire::encode(wire::Operation{wire::Call{{"statement"}, {}}});
    case 1: return wire::encode(wire::Operation{query("DELETE FROM account")});
    case 2: return wire::encode(wire::Operation{query("UPDATE note SET body = NULL", false)});
    case 3: return wire::encode(wire::Operation{wire::Leave{}});
    case 4: {
      Bytes bytes(rng_.below(80));
      rng_.fill(bytes);
      return bytes;
    }
    case 5: {
      Bytes bytes = wire::encode(wire::Operation{query("SELECT 1")});
      bytes.resize(rng_.below(2 * bytes.size()));
      return bytes;
    }
    default: return wire::encode(wire::Operation{query("SELECT count(*) FROM account")});
  }
}

std::string Stranger::read_text(wire::FastRead read, node::ConnectionId id, Proof proof,
                                bool may_ask) {
  const Hostiles::Line* line = all_.find(id);
  const Digest digest = wire::fast_read_digest(read.body);
  read.tag = line->channel.fast_read_tag(digest);
  if (proof == Proof::wrong) read.tag[rng_.below(read.tag.size())] ^= 16;
  if (proof == Proof::none) read.tag = {};
  if (proof == Proof::right && may_ask) proven_reads_.insert(digest);
  if (rng_.chance(300'000)) read.designated = ReplicaId{static_cast<std::uint16_t>(rng_.below(9))};
  return wire::to_json(wire::FromClient{read});
}

/// On a connection that has proven to hold the key, if that is taken there.
wire::FastRead Stranger::own_read(node::ConnectionId id) {
  Hostiles::Line* line = all_.find(id);
  if (line->spoken_for != session_->key.public_key()) {
    line->spoken_for = session_->key.public_key();
    say(id, line->channel.speak_for(session_->key));
  }
  return {{rng_.next(), session_->id, session_->key.public_key(), {readable()}}, std::nullopt, {}};
}

void Stranger::fast_reads() {
  const node::ConnectionId id = target(Attack::fast_reads);
  wire::FastRead read = own_read(id);
  switch (rng_.below(7)) {
    case 0: return say(id, read_text(read, id, Proof::wrong, false));
    case 1: return say(id, read_text(read, id, Proof::none, false));
    case 2: {  // with a key that was not shown here
      const crypto::Signer key = some_key();
      read.body.signer = key.public_key();
      return say(id, read_text(read, id, Proof::right, false));
    }
    case 3: return reads_of_others(id);
    case 4: {  // what is right, far too often, and as large as it may be
      std::vector<std::string> texts;
      const std::size_t bytes = rng_.chance(200'000) ? rng_.between(1'000, 20'000) : 0;
      for (std::uint64_t i = rng_.between(40, 400); i > 0; --i) {
        read.body.id = i;
        if (bytes > 0)
          read.body.operation.bytes = wire::encode(wire::Operation{wire::Null{0, {Bytes(bytes)}}});
        texts.push_back(read_text(read, id, Proof::right, true));
      }
      return all_.say(id, std::move(texts));
    }
    default: {
      // Once more word for word, here, and then on the other connections, where the tag is nothing.
      const std::string text = read_text(read, id, Proof::right, true);
      for (const auto& [replica, other] : ready()) {
        say(other, text);
        if (rng_.chance(300'000)) say(other, text);
      }
    }
  }
}

/// Another's session: with its key, which it never showed here; with my key; and its own words.
void Stranger::reads_of_others(node::ConnectionId id) {
  const auto& heard = all_.heard();
  if (heard.empty()) return;
  const std::string& text = *heard[rng_.below(heard.size())];
  const auto parsed = wire::from_client_json(text);
  if (!parsed) return;
  if (std::holds_alternative<wire::FastRead>(*parsed) && rng_.chance(400'000)) return say(id, text);
  wire::FastRead read = own_read(id);
  if (const auto* submitted = std::get_if<wire::SubmitRequest>(&*parsed)) {
    read.body.session = submitted->request.body.session;
    if (rng_.chance(500'000)) read.body.signer = submitted->request.body.signer;
  } else if (const auto* other = std::get_if<wire::FastRead>(&*parsed)) {
    read.body = other->body;
    if (rng_.chance(500'000)) read.body.signer = session_->key.public_key();
  } else {
    return;
  }
  // What was asked before its session was known names none.
  if (read.body.session == session_->id || read.body.session.value == 0) return;
  say(id, read_text(read, id, Proof::right, false));
}

/// From a replica that does not lie.
void Stranger::heard_read(ReplicaId from, const Digest& question) {
  if (proven_reads_.contains(question)) return;
  all_.run().checks.violations.add("privacy", replica_name(from) + " told " + name() +
                                                  " what a read gives, who could not prove that "
                                                  "the session was its own");
}

}  // namespace prytany::sim
