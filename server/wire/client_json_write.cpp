#include "server/wire/client_json.h"
#include "server/wire/json_writer.h"

namespace prytany::wire {
namespace {

// One put_json for each type that is an object or an array of its own; put_fields for the members
// of an object that has "type" already, or shares it with others. Order of members: as fields() has
// them.

void put_json(JsonWriter& w, const Argument& argument);
void put_json(JsonWriter& w, const JoinToken& token);
void put_json(JsonWriter& w, const Statement& statement);
void put_json(JsonWriter& w, const Condition& condition);
void put_json(JsonWriter& w, const Step& step);
void put_json(JsonWriter& w, const ApplicationFile& file);
void put_json(JsonWriter& w, const ReconfigureApproval& approval);
void put_json(JsonWriter& w, const Name& name);
void put_json(JsonWriter& w, const ResultSet& set);
void put_json(JsonWriter& w, const StepResult& result);
void put_json(JsonWriter& w, const Change& change);
void put_json(JsonWriter& w, const crypto::Tag16& tag) { w.hex(tag); }
void put_json(JsonWriter& w, const Digest& digest) { w.hex(digest.bytes); }
void put_json(JsonWriter& w, const OtherTag& other) {
  w.begin_object().key("replica").small(other.replica.value).key("tag").hex(other.tag).end_object();
}

void put_json(JsonWriter& w, const Value& value) {
  // Plain null, not Hrana's {"type":"null"}: a result full of them would be sixteen times as long
  // in JSON as it is in truth; so, no result is more than seven times
  // (limits::json_reply_bytes_max).
  if (std::holds_alternative<std::monostate>(value)) {
    w.null();
    return;
  }
  struct Put {
    JsonWriter& w;
    void operator()(std::monostate) const {}
    void operator()(std::int64_t v) const { w.key("type").word("integer").key("value").decimal(v); }
    void operator()(double v) const { w.key("type").word("float").key("value").real(v); }
    void operator()(const TextValue& v) const {
      w.key("type").word("text").key("value").text(v.text);
    }
    void operator()(const BlobValue& v) const {
      w.key("type").word("blob").key("base64").base64(v.bytes);
    }
  };
  w.begin_object();
  std::visit(Put{w}, value);
  w.end_object();
}

void put_json(JsonWriter& w, const Argument& argument) {
  w.begin_object().key("name").text(argument.name.text).key("value");
  put_json(w, argument.value);
  w.end_object();
}

template <class T, std::size_t Max>
void put_json(JsonWriter& w, const List<T, Max>& list) {
  w.begin_array();
  for (const T& item : list) put_json(w, item);
  w.end_array();
}

// ---- operations
// ----------------------------------------------------------------------------------

void put_fields(JsonWriter& w, const JoinBegin& begin) {
  w.key("session_key").hex(begin.session_key.bytes);
  w.key("nonce").hex(begin.nonce);
  const Identification& identification = begin.identification;
  w.key("identification").begin_object();
  w.key("kind").text(identification.kind.text);
  w.key("name").text(identification.name.text);
  w.key("credential").hex(identification.credential.bytes);
  w.key("signature").hex(identification.signature.bytes);
  w.end_object();
}

void put_fields(JsonWriter& w, const JoinToken& token) {
  w.key("replica").small(token.replica.value);
  w.key("address").text(token.address.text);
  w.key("expires").decimal(token.expires.value);
  w.key("signature").hex(token.signature.bytes);
}

void put_json(JsonWriter& w, const JoinToken& token) {
  w.begin_object();
  put_fields(w, token);
  w.end_object();
}

void put_fields(JsonWriter& w, const Call& call) {
  w.key("procedure").text(call.procedure.text);
  w.key("arguments");
  put_json(w, call.arguments);
}

void put_json(JsonWriter& w, const Statement& statement) {
  w.begin_object().key("sql").text(statement.sql.text);
  w.key("positional");
  put_json(w, statement.positional);
  w.key("named");
  put_json(w, statement.named);
  w.end_object();
}

std::string_view word_of(Condition::Kind kind) {
  return condition_words[static_cast<std::size_t>(kind)];
}

void put_json(JsonWriter& w, const Condition& condition) {
  w.begin_object().key("type").word(word_of(condition.kind)).key("of").small(condition.of);
  w.end_object();
}

void put_json(JsonWriter& w, const Step& step) {
  w.begin_object().key("statement");
  put_json(w, step.statement);
  w.key("when");
  put_json(w, step.when);
  w.key("may_fail").boolean(step.may_fail).end_object();
}

void put_json(JsonWriter& w, const ApplicationFile& file) {
  w.begin_object().key("path").text(file.path.text);
  w.key("content").base64(file.content.bytes).end_object();
}

void put_json(JsonWriter& w, const ReconfigureApproval& approval) {
  w.begin_object().key("member").small(approval.member.value);
  w.key("signature").hex(approval.signature.bytes).end_object();
}

void put_fields(JsonWriter& w, const Identity& identity) {
  w.key("kind").text(identity.kind.text).key("issuer").text(identity.issuer.text);
  w.key("subject").text(identity.subject.text).key("claims").text(identity.claims.text);
  w.key("expires").decimal(identity.expires.value);
}

struct PutOperation {
  JsonWriter& w;
  void operator()(const Join& join) const {
    w.key("type").word("join").key("begin").begin_object();
    put_fields(w, join.begin);
    w.end_object().key("tokens");
    put_json(w, join.tokens);
  }
  void operator()(const Leave&) const { w.key("type").word("leave"); }
  void operator()(const Call& call) const {
    w.key("type").word("call");
    put_fields(w, call);
  }
  void operator()(const Execute& execute) const {
    w.key("type").word("execute").key("statements");
    put_json(w, execute.statements);
    w.key("read_only").boolean(execute.read_only);
  }
  void operator()(const Install& install) const {
    w.key("type").word("install").key("files");
    put_json(w, install.files);
  }
  void operator()(const Null& null) const {
    w.key("type").word("null").key("reply_bytes").small(null.reply_bytes);
    w.key("payload").base64(null.payload.bytes);
  }
  void operator()(const Reconfigure& change) const {
    w.key("type").word("reconfigure").key("number").decimal(change.number.value);
    w.key("member").small(change.member.value).key("key").hex(change.key.bytes).key("approvals");
    put_json(w, change.approvals);
  }
  void operator()(const Transaction& transaction) const {
    w.key("type").word("transaction").key("steps");
    put_json(w, transaction.steps);
    w.key("read_only").boolean(transaction.read_only);
  }
  void operator()(const Upgrade& upgrade) const {
    w.key("type").word("upgrade").key("files");
    put_json(w, upgrade.install.files);
    w.key("rehearse").boolean(upgrade.rehearse).key("back").boolean(upgrade.back);
  }
  void operator()(const IdentifiedJoin& join) const {
    w.key("type").word("identified_join").key("begin").begin_object();
    put_fields(w, join.begin);
    w.end_object().key("identity").begin_object();
    put_fields(w, join.identity);
    w.end_object().key("tokens");
    put_json(w, join.tokens);
  }
  void operator()(const Explain& explain) const {
    w.key("type").word("explain").key("of").begin_object();
    std::visit(*this, explain.of);
    w.end_object();
  }
};

/// A large operation travels as its encoding: spelled out it could exceed limits::json_bytes_max,
/// since a NULL of one byte takes 16 as JSON.
constexpr std::size_t spelled_bytes_max = limits::json_bytes_max / 20;

void put_operation(JsonWriter& w, ByteView encoded) {
  const Result<Operation, Malformed> operation =
      encoded.size() <= spelled_bytes_max ? decode<Operation>(encoded) : Malformed{"too large"};
  w.begin_object();
  if (operation) {
    std::visit(PutOperation{w}, *operation);
  } else {
    w.key("type").word("encoded").key("base64").base64(encoded);
  }
  w.end_object();
}

// ---- from a client
// -------------------------------------------------------------------------------

void put_fields(JsonWriter& w, const RequestBody& body) {
  w.key("session").decimal(body.session.value);
  w.key("number").decimal(body.number.value).key("signer").hex(body.signer.bytes);
  w.key("operation");
  put_operation(w, body.operation.bytes);
}

void put_fields(JsonWriter& w, const RequestSignature& signature) {
  w.key("signature").hex(signature.bytes);
  if (signature.branch.empty()) return;
  w.key("branch");
  put_json(w, signature.branch);
  w.key("place").small(signature.place);
}

struct PutFromClient {
  JsonWriter& w;
  void operator()(const ClientHello& hello) const {
    w.key("type").word("hello").key("cluster").hex(hello.cluster.bytes);
    w.key("key").hex(hello.key).key("nonce").hex(hello.nonce);
  }
  void operator()(const SpeakFor& speak) const {
    w.key("type").word("speak_for").key("key").hex(speak.key.bytes);
    w.key("signature").hex(speak.signature.bytes);
  }
  void operator()(const JoinBegin& begin) const {
    w.key("type").word("join_begin");
    put_fields(w, begin);
  }
  void operator()(const SubmitRequest& submit) const {
    w.key("type").word("request");
    put_fields(w, submit.request.body);
    if (submit.tag) w.key("tag").hex(*submit.tag);
    if (const auto& signature = submit.request.proof.signature) put_fields(w, *signature);
    if (submit.designated) w.key("designated").small(submit.designated->value);
  }
  void operator()(const BundleRequest& asked) const {
    w.key("type").word("bundle_request");
    put_fields(w, asked.request.body);
    if (const auto& signature = asked.request.proof.signature) {
      put_fields(w, *signature);
    } else {
      w.key("tags");
      put_json(w, asked.tags);
    }
  }
  void operator()(const PassOn& passing) const {
    w.key("type").word("pass_on").key("to").small(passing.to.value).key("message").begin_object();
    std::visit(*this, passing.message);
    w.end_object();
  }
  void operator()(const PublicRead& read) const {
    w.key("type").word("read").key("id").decimal(read.id);
    put_fields(w, read.call);
  }
  void operator()(const FastRead& read) const {
    w.key("type").word("fast_read").key("id").decimal(read.body.id);
    w.key("session").decimal(read.body.session.value).key("signer").hex(read.body.signer.bytes);
    w.key("operation");
    put_operation(w, read.body.operation.bytes);
    w.key("tag").hex(read.tag);
    if (read.designated) w.key("designated").small(read.designated->value);
  }
  void operator()(const Subscribe& subscribe) const {
    const SubscribeBody& body = subscribe.body;
    w.key("type").word("subscribe").key("id").decimal(body.id);
    w.key("session").decimal(body.session.value).key("signer").hex(body.signer.bytes);
    w.key("topics");
    put_json(w, body.topics);
    if (subscribe.after) w.key("after").decimal(*subscribe.after);
    w.key("signature").hex(subscribe.signature.bytes);
  }
  void operator()(const More& more) const {
    w.key("type").word("more").key("question").hex(more.question.bytes);
  }
  void operator()(const Unsubscribe& unsubscribe) const {
    w.key("type").word("unsubscribe").key("question").hex(unsubscribe.question.bytes);
  }
  void operator()(const ConfigurationsRequest& asked) const {
    w.key("type").word("configurations").key("above").decimal(asked.above.value);
  }
  void operator()(const Identify& identify) const {
    w.key("type").word("identify");
    put_fields(w, identify.begin);
    w.key("proof").begin_object();
    if (const auto* certificate = std::get_if<CertificateProof>(&identify.proof)) {
      w.key("type").word("certificate").key("chain").begin_array();
      for (const auto& link : certificate->chain) w.base64(link.bytes);
      w.end_array().key("signature").base64(certificate->signature.bytes);
    } else {
      w.key("type").word("id_token");
      w.key("token").text(std::get<IdTokenProof>(identify.proof).token.text);
    }
    w.end_object();
  }
  void operator()(const StatusRequest& status) const {
    w.key("type").word("status").key("id").decimal(status.id);
  }
};

// ---- to a client
// ---------------------------------------------------------------------------------

void put_json(JsonWriter& w, const Name& name) { w.text(name.text); }

void put_fields(JsonWriter& w, const ResultSet& set) {
  w.key("columns");
  put_json(w, set.columns);
  w.key("rows");
  put_json(w, set.rows);
  w.key("changes").decimal(set.changes);
  w.key("last_insert_rowid").decimal(set.last_insert_rowid);
}

void put_json(JsonWriter& w, const ResultSet& set) {
  w.begin_object();
  put_fields(w, set);
  w.end_object();
}

void put_fields(JsonWriter& w, const ErrorReply& error) {
  w.key("type").word("error").key("code").text(error.code.text);
  w.key("message").text(error.message.text).key("procedure").text(error.procedure.text);
  w.key("statement").small(error.statement);
}

void put_json(JsonWriter& w, const StepResult& result) {
  w.begin_object();
  if (const auto* set = std::get_if<ResultSet>(&result)) {
    w.key("type").word("result");
    put_fields(w, *set);
  } else if (const auto* error = std::get_if<ErrorReply>(&result)) {
    put_fields(w, *error);
  } else {
    w.key("type").word("skipped");
  }
  w.end_object();
}

void put_json(JsonWriter& w, const Change& change) {
  w.begin_object().key("position").decimal(change.position).key("seq").decimal(change.seq.value);
  w.key("agreed").decimal(change.agreed.value).key("topic").text(change.topic.text).key("value");
  put_json(w, change.value);
  w.end_object();
}

struct PutOutcome {
  JsonWriter& w;
  void operator()(const DoneReply&) const { w.key("type").word("done"); }
  void operator()(const ErrorReply& error) const { put_fields(w, error); }
  void operator()(const ResultSets& results) const {
    w.key("type").word("results").key("results");
    put_json(w, results);
  }
  void operator()(const JoinedReply& joined) const {
    w.key("type").word("joined").key("session").decimal(joined.session.value);
    w.key("principal").text(joined.principal.text).key("role").text(joined.role.text);
    w.key("replaced").decimal(joined.replaced.value);
  }
  void operator()(const NullReply& null) const {
    w.key("type").word("null").key("bytes").base64(null.bytes.bytes);
  }
  void operator()(const StepResults& results) const {
    w.key("type").word("steps").key("steps");
    put_json(w, results);
  }
};

void put_outcome(JsonWriter& w, const Outcome& outcome) {
  w.key("outcome").begin_object();
  std::visit(PutOutcome{w}, outcome);
  w.end_object();
}

void put_fields(JsonWriter& w, const Reply& reply) {
  w.key("session").decimal(reply.session.value);
  w.key("number").decimal(reply.number.value).key("request").hex(reply.request.bytes);
  w.key("seq").decimal(reply.seq.value).key("agreed").decimal(reply.agreed.value);
  put_outcome(w, reply.outcome);
}

struct PutToClient {
  JsonWriter& w;
  void operator()(const ServerHello& hello) const {
    w.key("type").word("hello_ok").key("replica").small(hello.replica.value);
    w.key("key").hex(hello.key).key("nonce").hex(hello.nonce);
    w.key("configuration").decimal(hello.configuration.value);
    w.key("signature").hex(hello.signature.bytes);
  }
  void operator()(const IdentityTokenReply& reply) const {
    w.key("type").word("identity_token").key("join").hex(reply.join.bytes);
    w.key("identity").begin_object();
    put_fields(w, reply.identity);
    w.end_object();
    put_fields(w, reply.token);
  }
  void operator()(const JoinTokenReply& reply) const {
    w.key("type").word("join_token").key("join").hex(reply.join.bytes);
    put_fields(w, reply.token);
  }
  void operator()(const Reply& reply) const {
    w.key("type").word("reply");
    put_fields(w, reply);
  }
  void operator()(const Bundle& bundle) const {
    w.key("type").word("bundle");
    put_fields(w, bundle.reply);
    w.key("others");
    put_json(w, bundle.others);
  }
  void operator()(const PassedBack& passed) const {
    w.key("type").word("passed_back").key("from").small(passed.from.value);
    w.key("message").begin_object();
    std::visit(*this, passed.voice.message);
    if (passed.voice.tag) w.key("tag").hex(*passed.voice.tag);
    w.end_object();
  }
  void operator()(const ReplyDigest& digest) const {
    w.key("type").word("reply_digest").key("session").decimal(digest.session.value);
    w.key("number").decimal(digest.number.value).key("request").hex(digest.request.bytes);
    w.key("reply").hex(digest.reply.bytes);
  }
  void operator()(const PublicReadReply& reply) const {
    w.key("type").word("read_reply").key("id").decimal(reply.id);
    w.key("question").hex(reply.question.bytes);
    w.key("executed").decimal(reply.executed.value).key("agreed").decimal(reply.agreed.value);
    put_outcome(w, reply.outcome);
  }
  void operator()(const FastReadReply& reply) const {
    w.key("type").word("fast_read_reply").key("id").decimal(reply.id);
    w.key("question").hex(reply.question.bytes).key("executed").decimal(reply.executed.value);
    w.key("agreed").decimal(reply.agreed.value);
    put_outcome(w, reply.outcome);
  }
  void operator()(const FastReadDigest& digest) const {
    w.key("type").word("fast_read_digest").key("id").decimal(digest.id);
    w.key("question").hex(digest.question.bytes).key("executed").decimal(digest.executed.value);
    w.key("agreed").decimal(digest.agreed.value).key("outcome").hex(digest.outcome.bytes);
  }
  void operator()(const Changes& changes) const {
    w.key("type").word("changes").key("question").hex(changes.question.bytes);
    w.key("from").decimal(changes.from).key("upto").decimal(changes.upto).key("items");
    put_json(w, changes.items);
  }
  void operator()(const Refused& refused) const {
    w.key("type").word("refused").key("request").hex(refused.request.bytes);
    w.key("code").text(refused.code.text).key("message").text(refused.message.text);
  }
  void operator()(const SessionEnded& ended) const {
    w.key("type").word("session_ended").key("session").decimal(ended.session.value);
    w.key("reason").text(ended.reason.text);
  }
  void operator()(const ConfigurationsReply& reply) const {
    w.key("type").word("configurations").key("links").base64(encode(reply.links));
  }
  void operator()(const StatusReply& status) const {
    w.key("type").word("status_reply").key("id").decimal(status.id);
    w.key("replica").small(status.replica.value).key("view").decimal(status.view.value);
    w.key("primary").small(status.primary.value);
    w.key("last_executed").decimal(status.last_executed.value);
    w.key("stable_checkpoint").decimal(status.stable_checkpoint.value);
    w.key("state_digest").hex(status.state_digest.bytes);
    w.key("connected_peers").decimal(status.connected_peers);
  }
};

}  // namespace

std::string to_json(const FromClient& message) {
  JsonWriter w;
  w.begin_object();
  std::visit(PutFromClient{w}, message);
  w.end_object();
  return std::move(w).take();
}

std::string to_json(const TaggedToClient& message) {
  JsonWriter w;
  w.begin_object();
  std::visit(PutToClient{w}, message.message);
  if (message.tag) w.key("tag").hex(*message.tag);
  w.end_object();
  return std::move(w).take();
}

std::string to_json(const SignedRead& read) {
  JsonWriter w;
  w.begin_object();
  PutToClient{w}(read.reply);
  w.key("replica").small(read.replica.value);
  w.key("signature").hex(read.signature.bytes);
  w.end_object();
  return std::move(w).take();
}

}  // namespace prytany::wire
