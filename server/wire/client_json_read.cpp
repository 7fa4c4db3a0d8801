#include "server/wire/client_json.h"

#include <algorithm>

#include "server/wire/json_reader.h"

namespace prytany::wire {
namespace {

// One get_json for each type, in the order of client_json_write.cpp. After a failure the picker
// says so, and what was built is dropped.

template <std::size_t Max>
void get_text(JsonPicker& p, Json object, const char* name, Text<Max>& out) {
  out.text = p.text(object, name, Max);
}

template <std::size_t Max>
void get_base64(JsonPicker& p, Json object, const char* name, Body<Max>& out) {
  out.bytes = p.base64(object, name, Max);
}

template <class Tag>
void get_decimal(JsonPicker& p, Json object, const char* name, Strong<Tag>& out) {
  out.value = p.unsigned_decimal(object, name);
}
void get_decimal(JsonPicker& p, Json object, const char* name, AgreedTime& out) {
  out.value = p.signed_decimal(object, name);
}

ReplicaId replica_of(JsonPicker& p, Json object, const char* name) {
  return ReplicaId{static_cast<std::uint16_t>(p.small(object, name, 0xffff))};
}

// What lists hold, declared before get_list.
void get_json(JsonPicker& p, Json json, Value& out);
void get_json(JsonPicker& p, Json json, Name& out);
void get_json(JsonPicker& p, Json json, Argument& out);
void get_json(JsonPicker& p, Json json, JoinToken& out);
void get_json(JsonPicker& p, Json json, Statement& out);
void get_json(JsonPicker& p, Json json, Condition& out);
void get_json(JsonPicker& p, Json json, Step& out);
void get_json(JsonPicker& p, Json json, ApplicationFile& out);
void get_json(JsonPicker& p, Json json, ReconfigureApproval& out);
void get_json(JsonPicker& p, Json json, Row& out);
void get_json(JsonPicker& p, Json json, ResultSet& out);
void get_json(JsonPicker& p, Json json, StepResult& out);
void get_json(JsonPicker& p, Json json, Change& out);
void get_json(JsonPicker& p, Json json, Body<limits::certificate_bytes_max>& out);
void get_json(JsonPicker& p, Json json, crypto::Tag16& out);
void get_json(JsonPicker& p, Json json, Digest& out);
void get_json(JsonPicker& p, Json json, OtherTag& out);

template <class T, std::size_t Max>
void get_list(JsonPicker& p, Json object, const char* name, List<T, Max>& out) {
  const simdjson::dom::array array = p.array(object, name, Max);
  out.items.reserve(array.size());
  for (const Json element : array) {
    get_json(p, element, out.items.emplace_back());
    if (p.failed()) return;
  }
}

void get_json(JsonPicker& p, Json json, Value& out) {
  if (json.is_null()) {  // also after a failure, which the picker remembers
    out = std::monostate{};
    return;
  }
  const std::string_view type = p.type(json);
  if (type == "null") {
    out = std::monostate{};
  } else if (type == "integer") {
    out = p.signed_decimal(json, "value");
  } else if (type == "float") {
    out = p.real(json, "value");
  } else if (type == "text") {
    get_text(p, json, "value", out.emplace<TextValue>());
  } else if (type == "blob") {
    get_base64(p, json, "base64", out.emplace<BlobValue>());
  } else {
    p.fail("not a type of value", "type");
  }
}

void get_json(JsonPicker& p, Json json, Name& out) {
  out.text = p.text_of(json, "columns", limits::name_bytes_max);
}

void get_json(JsonPicker& p, Json json, Argument& out) {
  get_text(p, json, "name", out.name);
  get_json(p, p.field(json, "value"), out.value);
}

// ---- operations
// ----------------------------------------------------------------------------------

void get_json(JsonPicker& p, Json json, JoinBegin& out) {
  p.hex(json, "session_key", out.session_key.bytes);
  p.hex(json, "nonce", out.nonce);
  const Json identification = p.field(json, "identification");
  get_text(p, identification, "kind", out.identification.kind);
  get_text(p, identification, "name", out.identification.name);
  p.hex(identification, "credential", out.identification.credential.bytes);
  p.hex(identification, "signature", out.identification.signature.bytes);
}

void get_json(JsonPicker& p, Json json, JoinToken& out) {
  out.replica = replica_of(p, json, "replica");
  get_text(p, json, "address", out.address);
  get_decimal(p, json, "expires", out.expires);
  p.hex(json, "signature", out.signature.bytes);
}

void get_json(JsonPicker& p, Json json, Identity& out) {
  get_text(p, json, "kind", out.kind);
  get_text(p, json, "issuer", out.issuer);
  get_text(p, json, "subject", out.subject);
  get_text(p, json, "claims", out.claims);
  get_decimal(p, json, "expires", out.expires);
}

void get_json(JsonPicker& p, Json json, Call& out) {
  get_text(p, json, "procedure", out.procedure);
  get_list(p, json, "arguments", out.arguments);
}

void get_json(JsonPicker& p, Json json, Statement& out) {
  get_text(p, json, "sql", out.sql);
  get_list(p, json, "positional", out.positional);
  get_list(p, json, "named", out.named);
}

void get_json(JsonPicker& p, Json json, Execute& out) {
  get_list(p, json, "statements", out.statements);
  out.read_only = p.boolean(json, "read_only");
}

void get_json(JsonPicker& p, Json json, Condition& out) {
  const std::string_view type = p.type(json);
  const auto word = std::find(condition_words.begin(), condition_words.end(), type);
  if (word == condition_words.end()) return p.fail("not a type of condition", "type");
  out.kind = static_cast<Condition::Kind>(word - condition_words.begin());
  out.of = static_cast<std::uint16_t>(p.small(json, "of", 0xffff));
}

void get_json(JsonPicker& p, Json json, Step& out) {
  get_json(p, p.field(json, "statement"), out.statement);
  get_list(p, json, "when", out.when);
  out.may_fail = p.boolean(json, "may_fail");
}

void get_json(JsonPicker& p, Json json, Transaction& out) {
  get_list(p, json, "steps", out.steps);
  out.read_only = p.boolean(json, "read_only");
}

void get_json(JsonPicker& p, Json json, Explain& out) {
  const Json of = p.field(json, "of");
  const std::string_view type = p.type(of);
  if (type == "call") {
    get_json(p, of, out.of.emplace<Call>());
  } else if (type == "execute") {
    get_json(p, of, out.of.emplace<Execute>());
  } else if (type == "transaction") {
    get_json(p, of, out.of.emplace<Transaction>());
  } else {
    p.fail("neither a call nor SQL", "of");
  }
}

void get_json(JsonPicker& p, Json json, ApplicationFile& out) {
  get_text(p, json, "path", out.path);
  get_base64(p, json, "content", out.content);
}

void get_json(JsonPicker& p, Json json, ReconfigureApproval& out) {
  out.member = replica_of(p, json, "member");
  p.hex(json, "signature", out.signature.bytes);
}

void get_json(JsonPicker& p, Json json, Reconfigure& out) {
  get_decimal(p, json, "number", out.number);
  out.member = replica_of(p, json, "member");
  p.hex(json, "key", out.key.bytes);
  get_list(p, json, "approvals", out.approvals);
}

Bytes encoded_operation(JsonPicker& p, Json json) {
  const std::string_view type = p.type(json);
  Operation operation;
  if (type == "encoded") return p.base64(json, "base64", limits::request_bytes_max);
  if (type == "join") {
    auto& join = operation.emplace<Join>();
    get_json(p, p.field(json, "begin"), join.begin);
    get_list(p, json, "tokens", join.tokens);
  } else if (type == "leave") {
    operation.emplace<Leave>();
  } else if (type == "call") {
    get_json(p, json, operation.emplace<Call>());
  } else if (type == "execute") {
    get_json(p, json, operation.emplace<Execute>());
  } else if (type == "install") {
    get_list(p, json, "files", operation.emplace<Install>().files);
  } else if (type == "upgrade") {
    auto& upgrade = operation.emplace<Upgrade>();
    get_list(p, json, "files", upgrade.install.files);
    upgrade.rehearse = p.boolean(json, "rehearse");
    upgrade.back = p.boolean(json, "back");
  } else if (type == "identified_join") {
    auto& join = operation.emplace<IdentifiedJoin>();
    get_json(p, p.field(json, "begin"), join.begin);
    get_json(p, p.field(json, "identity"), join.identity);
    get_list(p, json, "tokens", join.tokens);
  } else if (type == "reconfigure") {
    get_json(p, json, operation.emplace<Reconfigure>());
  } else if (type == "transaction") {
    get_json(p, json, operation.emplace<Transaction>());
  } else if (type == "explain") {
    get_json(p, json, operation.emplace<Explain>());
  } else if (type == "null") {
    auto& null = operation.emplace<Null>();
    null.reply_bytes = p.small(json, "reply_bytes", 0xffff'ffff);
    get_base64(p, json, "payload", null.payload);
  } else {
    p.fail("not a type of operation", "type");
  }
  if (p.failed()) return {};
  Bytes encoded = encode(operation);
  if (encoded.size() > limits::request_bytes_max) p.fail("longer than allowed", "operation");
  return encoded;
}

// ---- from a client
// -------------------------------------------------------------------------------

void get_json(JsonPicker& p, Json json, ClientHello& out) {
  p.hex(json, "cluster", out.cluster.bytes);
  p.hex(json, "key", out.key);
  p.hex(json, "nonce", out.nonce);
}

void get_json(JsonPicker& p, Json json, SpeakFor& out) {
  p.hex(json, "key", out.key.bytes);
  p.hex(json, "signature", out.signature.bytes);
}

void get_json(JsonPicker& p, Json json, RequestBody& out) {
  get_decimal(p, json, "session", out.session);
  get_decimal(p, json, "number", out.number);
  p.hex(json, "signer", out.signer.bytes);
  out.operation.bytes = encoded_operation(p, p.field(json, "operation"));
}

void get_json(JsonPicker& p, Json json, crypto::Tag16& out) { p.hex_of(json, "tags", out); }

void get_json(JsonPicker& p, Json json, Digest& out) { p.hex_of(json, "branch", out.bytes); }

void get_signature(JsonPicker& p, Json json, RequestProof& out) {
  RequestSignature& signature = out.signature.emplace();
  p.hex(json, "signature", signature.bytes);
  if (!p.optional_field(json, "branch")) return;
  get_list(p, json, "branch", signature.branch);
  if (signature.branch.empty()) p.fail("empty", "branch");
  signature.place =
      static_cast<std::uint8_t>(p.small(json, "place", (1U << signature.branch.size()) - 1));
}

void get_json(JsonPicker& p, Json json, BundleRequest& out) {
  get_json(p, json, out.request.body);
  if (p.optional_field(json, "tags")) {
    get_list(p, json, "tags", out.tags);
    if (out.tags.empty()) p.fail("empty", "tags");
    if (p.optional_field(json, "signature")) p.fail("beside tags", "signature");
  } else {
    get_signature(p, json, out.request.proof);
  }
}

void get_json(JsonPicker& p, Json json, PassOn& out) {
  out.to = replica_of(p, json, "to");
  const Json inner = p.field(json, "message");
  const std::string_view type = p.type(inner);
  if (type == "hello") {
    get_json(p, inner, out.message.emplace<ClientHello>());
  } else if (type == "speak_for") {
    get_json(p, inner, out.message.emplace<SpeakFor>());
  } else {
    p.fail("not a type that is passed on", "type");
  }
}

void get_json(JsonPicker& p, Json json, SubmitRequest& out) {
  get_json(p, json, out.request.body);
  // Exactly one of the two proves it.
  if (!p.optional_field(json, "tag")) {
    get_signature(p, json, out.request.proof);
  } else {
    p.hex(json, "tag", out.tag.emplace());
    if (p.optional_field(json, "signature")) p.fail("beside a tag", "signature");
  }
  if (p.optional_field(json, "designated")) out.designated = replica_of(p, json, "designated");
}

void get_json(JsonPicker& p, Json json, FastRead& out) {
  out.body.id = p.unsigned_decimal(json, "id");
  get_decimal(p, json, "session", out.body.session);
  p.hex(json, "signer", out.body.signer.bytes);
  out.body.operation.bytes = encoded_operation(p, p.field(json, "operation"));
  p.hex(json, "tag", out.tag);
  if (p.optional_field(json, "designated")) out.designated = replica_of(p, json, "designated");
}

void get_json(JsonPicker& p, Json json, Subscribe& out) {
  out.body.id = p.unsigned_decimal(json, "id");
  get_decimal(p, json, "session", out.body.session);
  p.hex(json, "signer", out.body.signer.bytes);
  get_list(p, json, "topics", out.body.topics);
  if (p.optional_field(json, "after")) out.after = p.unsigned_decimal(json, "after");
  p.hex(json, "signature", out.signature.bytes);
}

void get_json(JsonPicker& p, Json json, Body<limits::certificate_bytes_max>& out) {
  constexpr std::size_t digits_max = (limits::certificate_bytes_max + 2) / 3 * 4;
  auto bytes = from_base64(p.text_of(json, "chain", digits_max));
  if (!bytes || bytes->size() > limits::certificate_bytes_max)
    return p.fail("not the canonical base64 of a certificate that is allowed", "chain");
  out.bytes = std::move(*bytes);
}

void get_json(JsonPicker& p, Json json, Identify& out) {
  get_json(p, json, out.begin);
  const Json proof = p.field(json, "proof");
  const std::string_view type = p.type(proof);
  if (type == "certificate") {
    auto& certificate = out.proof.emplace<CertificateProof>();
    get_list(p, proof, "chain", certificate.chain);
    get_base64(p, proof, "signature", certificate.signature);
  } else if (type == "id_token") {
    get_text(p, proof, "token", out.proof.emplace<IdTokenProof>().token);
  } else {
    p.fail("not a type of proof", "type");
  }
}

FromClient from_client(JsonPicker& p, Json json) {
  const std::string_view type = p.type(json);
  FromClient message;
  if (type == "hello") {
    get_json(p, json, message.emplace<ClientHello>());
  } else if (type == "speak_for") {
    get_json(p, json, message.emplace<SpeakFor>());
  } else if (type == "join_begin") {
    get_json(p, json, message.emplace<JoinBegin>());
  } else if (type == "request") {
    get_json(p, json, message.emplace<SubmitRequest>());
  } else if (type == "bundle_request") {
    get_json(p, json, message.emplace<BundleRequest>());
  } else if (type == "pass_on") {
    get_json(p, json, message.emplace<PassOn>());
  } else if (type == "read") {
    auto& read = message.emplace<PublicRead>();
    read.id = p.unsigned_decimal(json, "id");
    get_json(p, json, read.call);
  } else if (type == "fast_read") {
    get_json(p, json, message.emplace<FastRead>());
  } else if (type == "subscribe") {
    get_json(p, json, message.emplace<Subscribe>());
  } else if (type == "more") {
    p.hex(json, "question", message.emplace<More>().question.bytes);
  } else if (type == "unsubscribe") {
    p.hex(json, "question", message.emplace<Unsubscribe>().question.bytes);
  } else if (type == "identify") {
    get_json(p, json, message.emplace<Identify>());
  } else if (type == "configurations") {
    get_decimal(p, json, "above", message.emplace<ConfigurationsRequest>().above);
  } else if (type == "status") {
    message.emplace<StatusRequest>().id = p.unsigned_decimal(json, "id");
  } else {
    p.fail("not a type of message", "type");
  }
  return message;
}

// ---- to a client
// ---------------------------------------------------------------------------------

void get_json(JsonPicker& p, Json json, Row& out) {
  const simdjson::dom::array array = p.array_of(json, "rows", limits::columns_max);
  out.items.reserve(array.size());
  for (const Json element : array) {
    get_json(p, element, out.items.emplace_back());
    if (p.failed()) return;
  }
}

void get_json(JsonPicker& p, Json json, ResultSet& out) {
  get_list(p, json, "columns", out.columns);
  get_list(p, json, "rows", out.rows);
  out.changes = p.signed_decimal(json, "changes");
  out.last_insert_rowid = p.signed_decimal(json, "last_insert_rowid");
}

void get_json(JsonPicker& p, Json json, ErrorReply& out) {
  get_text(p, json, "code", out.code);
  get_text(p, json, "message", out.message);
  get_text(p, json, "procedure", out.procedure);
  out.statement = p.small(json, "statement", 0xffff'ffff);
}

void get_json(JsonPicker& p, Json json, StepResult& out) {
  const std::string_view type = p.type(json);
  if (type == "result") {
    get_json(p, json, out.emplace<ResultSet>());
  } else if (type == "skipped") {
    out.emplace<SkippedReply>();
  } else if (type == "error") {
    get_json(p, json, out.emplace<ErrorReply>());
  } else {
    p.fail("not a type of step", "type");
  }
}

void get_json(JsonPicker& p, Json json, Outcome& out) {
  const std::string_view type = p.type(json);
  if (type == "done") {
    out.emplace<DoneReply>();
  } else if (type == "error") {
    get_json(p, json, out.emplace<ErrorReply>());
  } else if (type == "results") {
    get_list(p, json, "results", out.emplace<ResultSets>());
  } else if (type == "joined") {
    auto& joined = out.emplace<JoinedReply>();
    get_decimal(p, json, "session", joined.session);
    get_text(p, json, "principal", joined.principal);
    get_text(p, json, "role", joined.role);
    get_decimal(p, json, "replaced", joined.replaced);
  } else if (type == "null") {
    get_base64(p, json, "bytes", out.emplace<NullReply>().bytes);
  } else if (type == "steps") {
    get_list(p, json, "steps", out.emplace<StepResults>());
  } else {
    p.fail("not a type of outcome", "type");
  }
}

void get_json(JsonPicker& p, Json json, ServerHello& out) {
  out.replica = replica_of(p, json, "replica");
  p.hex(json, "key", out.key);
  p.hex(json, "nonce", out.nonce);
  get_decimal(p, json, "configuration", out.configuration);
  p.hex(json, "signature", out.signature.bytes);
}

void get_json(JsonPicker& p, Json json, JoinTokenReply& out) {
  p.hex(json, "join", out.join.bytes);
  get_json(p, json, out.token);
}

void get_json(JsonPicker& p, Json json, IdentityTokenReply& out) {
  p.hex(json, "join", out.join.bytes);
  get_json(p, p.field(json, "identity"), out.identity);
  get_json(p, json, out.token);
}

void get_json(JsonPicker& p, Json json, Reply& out) {
  get_decimal(p, json, "session", out.session);
  get_decimal(p, json, "number", out.number);
  p.hex(json, "request", out.request.bytes);
  get_decimal(p, json, "seq", out.seq);
  get_decimal(p, json, "agreed", out.agreed);
  get_json(p, p.field(json, "outcome"), out.outcome);
}

void get_json(JsonPicker& p, Json json, ReplyDigest& out) {
  get_decimal(p, json, "session", out.session);
  get_decimal(p, json, "number", out.number);
  p.hex(json, "request", out.request.bytes);
  p.hex(json, "reply", out.reply.bytes);
}

void get_json(JsonPicker& p, Json json, PublicReadReply& out) {
  out.id = p.unsigned_decimal(json, "id");
  p.hex(json, "question", out.question.bytes);
  get_decimal(p, json, "executed", out.executed);
  get_decimal(p, json, "agreed", out.agreed);
  get_json(p, p.field(json, "outcome"), out.outcome);
}

void get_json(JsonPicker& p, Json json, FastReadReply& out) {
  out.id = p.unsigned_decimal(json, "id");
  p.hex(json, "question", out.question.bytes);
  get_decimal(p, json, "executed", out.executed);
  get_decimal(p, json, "agreed", out.agreed);
  get_json(p, p.field(json, "outcome"), out.outcome);
}

void get_json(JsonPicker& p, Json json, FastReadDigest& out) {
  out.id = p.unsigned_decimal(json, "id");
  p.hex(json, "question", out.question.bytes);
  get_decimal(p, json, "executed", out.executed);
  get_decimal(p, json, "agreed", out.agreed);
  p.hex(json, "outcome", out.outcome.bytes);
}

void get_json(JsonPicker& p, Json json, Change& out) {
  out.position = p.unsigned_decimal(json, "position");
  get_decimal(p, json, "seq", out.seq);
  get_decimal(p, json, "agreed", out.agreed);
  get_text(p, json, "topic", out.topic);
  get_json(p, p.field(json, "value"), out.value);
}

void get_json(JsonPicker& p, Json json, Changes& out) {
  p.hex(json, "question", out.question.bytes);
  out.from = p.unsigned_decimal(json, "from");
  out.upto = p.unsigned_decimal(json, "upto");
  get_list(p, json, "items", out.items);
}

void get_json(JsonPicker& p, Json json, Refused& out) {
  p.hex(json, "request", out.request.bytes);
  get_text(p, json, "code", out.code);
  get_text(p, json, "message", out.message);
}

void get_json(JsonPicker& p, Json json, SessionEnded& out) {
  get_decimal(p, json, "session", out.session);
  get_text(p, json, "reason", out.reason);
}

void get_json(JsonPicker& p, Json json, StatusReply& out) {
  out.id = p.unsigned_decimal(json, "id");
  out.replica = replica_of(p, json, "replica");
  get_decimal(p, json, "view", out.view);
  out.primary = replica_of(p, json, "primary");
  get_decimal(p, json, "last_executed", out.last_executed);
  get_decimal(p, json, "stable_checkpoint", out.stable_checkpoint);
  p.hex(json, "state_digest", out.state_digest.bytes);
  out.connected_peers = p.unsigned_decimal(json, "connected_peers");
}

void get_json(JsonPicker& p, Json json, OtherTag& out) {
  out.replica = replica_of(p, json, "replica");
  p.hex(json, "tag", out.tag);
}

void get_json(JsonPicker& p, Json json, Bundle& out) {
  get_json(p, json, out.reply);
  get_list(p, json, "others", out.others);
}

void get_json(JsonPicker& p, Json json, Voice& out) {
  const std::string_view type = p.type(json);
  if (type == "hello_ok") {
    get_json(p, json, out.message.emplace<ServerHello>());
  } else if (type == "reply_digest") {
    get_json(p, json, out.message.emplace<ReplyDigest>());
  } else if (type == "refused") {
    get_json(p, json, out.message.emplace<Refused>());
  } else if (type == "session_ended") {
    get_json(p, json, out.message.emplace<SessionEnded>());
  } else {
    p.fail("not a type that is passed back", "type");
  }
  if (p.optional_field(json, "tag")) p.hex(json, "tag", out.tag.emplace());
}

void get_json(JsonPicker& p, Json json, PassedBack& out) {
  out.from = replica_of(p, json, "from");
  get_json(p, p.field(json, "message"), out.voice);
}

TaggedToClient to_client(JsonPicker& p, Json json) {
  const std::string_view type = p.type(json);
  TaggedToClient out;
  if (type == "hello_ok") {
    get_json(p, json, out.message.emplace<ServerHello>());
  } else if (type == "join_token") {
    get_json(p, json, out.message.emplace<JoinTokenReply>());
  } else if (type == "identity_token") {
    get_json(p, json, out.message.emplace<IdentityTokenReply>());
  } else if (type == "reply") {
    get_json(p, json, out.message.emplace<Reply>());
  } else if (type == "reply_digest") {
    get_json(p, json, out.message.emplace<ReplyDigest>());
  } else if (type == "bundle") {
    get_json(p, json, out.message.emplace<Bundle>());
  } else if (type == "passed_back") {
    get_json(p, json, out.message.emplace<PassedBack>());
  } else if (type == "read_reply") {
    get_json(p, json, out.message.emplace<PublicReadReply>());
  } else if (type == "fast_read_reply") {
    get_json(p, json, out.message.emplace<FastReadReply>());
  } else if (type == "fast_read_digest") {
    get_json(p, json, out.message.emplace<FastReadDigest>());
  } else if (type == "changes") {
    get_json(p, json, out.message.emplace<Changes>());
  } else if (type == "refused") {
    get_json(p, json, out.message.emplace<Refused>());
  } else if (type == "session_ended") {
    get_json(p, json, out.message.emplace<SessionEnded>());
  } else if (type == "configurations") {
    const Bytes encoded = p.base64(json, "links", limits::json_bytes_max);
    auto links = decode<ConfigurationLinks>(encoded);
    if (!links) {
      p.fail("not the encoding of a list of links", "links");
    } else {
      out.message.emplace<ConfigurationsReply>().links = std::move(*links);
    }
  } else if (type == "status_reply") {
    get_json(p, json, out.message.emplace<StatusReply>());
  } else {
    p.fail("not a type of message", "type");
  }
  if (p.optional_field(json, "tag")) p.hex(json, "tag", out.tag.emplace());
  return out;
}

template <class T>
Result<T, Malformed> read(JsonDocument& document, std::string_view text, std::size_t bytes_max,
                          T (*pick)(JsonPicker&, Json)) {
  const Result<Json, Malformed> json = document.parse(text, bytes_max);
  if (!json) return json.error();
  JsonPicker picker;
  T message = pick(picker, *json);
  if (picker.failed()) return picker.failure();
  return message;
}

template <class T>
Result<T, Malformed> read(std::string_view text, std::size_t bytes_max,
                          T (*pick)(JsonPicker&, Json)) {
  // The memory of short texts is used again; that of long ones would stay for ever.
  constexpr std::size_t short_bytes_max = 64 * 1024;
  if (text.size() <= short_bytes_max) {
    thread_local JsonDocument kept;
    return read(kept, text, bytes_max, pick);
  }
  JsonDocument document;
  return read(document, text, bytes_max, pick);
}

}  // namespace

Result<FromClient, Malformed> from_client_json(std::string_view text) {
  return read<FromClient>(text, limits::json_bytes_max, from_client);
}

Result<TaggedToClient, Malformed> to_client_json(std::string_view text) {
  return read<TaggedToClient>(text, limits::json_reply_bytes_max, to_client);
}

}  // namespace prytany::wire
