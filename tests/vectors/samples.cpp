#include "tests/vectors/samples.h"

#include <cstdint>
#include <limits>

#include "server/crypto/credential.h"
#include "server/wire/operations.h"

namespace prytany::vectors {

using namespace wire;

std::array<std::uint8_t, 32> counting(std::uint8_t first) {
  std::array<std::uint8_t, 32> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(first + i);
  return bytes;
}

namespace {

std::array<std::uint8_t, 16> nonce(std::uint8_t first) {
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(first + i);
  return bytes;
}

Digest digest_of(std::string_view word) { return crypto::sha256(as_bytes(word)); }

TextValue text(std::string_view t) { return {std::string(t)}; }

template <std::size_t Max>
void set(Body<Max>& body, std::string_view bytes) {
  body.bytes = to_bytes(as_bytes(bytes));
}

const AgreedTime noon{1'767'268'800'000'000};  // 2026-01-01T12:00:00Z

}  // namespace

crypto::Signer replica_signer(std::uint16_t replica) {
  return crypto::Signer(counting(static_cast<std::uint8_t>(0x10 + 0x10 * replica)));
}
crypto::Signer session_signer() { return crypto::Signer(counting(0x80)); }
crypto::Signer credential_signer() { return crypto::credential_from_code(code, cluster()).value(); }
Digest cluster() { return digest_of("a cluster for tests"); }

Membership membership() {
  Membership group{cluster(), ConfigNumber{0}, 3, {}};
  for (std::uint16_t i = 0; i < 4; ++i)
    group.replica_keys.push_back(replica_signer(i).public_key());
  return group;
}

LinkKeys keys_of_zero() { return {crypto::Mac(counting(0xa0)), crypto::Mac(counting(0xc0))}; }
LinkKeys keys_of_one() { return {crypto::Mac(counting(0xc0)), crypto::Mac(counting(0xa0))}; }

Named<Value> values() {
  using std::numeric_limits;
  BlobValue all;
  for (int i = 0; i < 256; ++i) all.bytes.push_back(static_cast<std::uint8_t>(i));
  return {
      {"null", std::monostate{}},
      {"integer zero", std::int64_t{0}},
      {"integer forty-two", std::int64_t{42}},
      {"integer minus one", std::int64_t{-1}},
      {"integer beyond 2^53", std::int64_t{9'007'199'254'740'993}},
      {"integer least", numeric_limits<std::int64_t>::min()},
      {"integer greatest", numeric_limits<std::int64_t>::max()},
      {"float zero", 0.0},
      {"float minus zero", -0.0},
      {"float one", 1.0},
      {"float one and a half", 1.5},
      {"float a tenth", 0.1},
      {"float of 17 digits", 5.0000000000000009},
      {"float 2^60", 1152921504606846976.0},
      {"float greatest", numeric_limits<double>::max()},
      {"float least above zero", numeric_limits<double>::denorm_min()},
      {"float infinity", numeric_limits<double>::infinity()},
      {"float minus infinity", -numeric_limits<double>::infinity()},
      {"text empty", text("")},
      {"text plain", text("Pericles")},
      {"text of several scripts", text("Περικλῆς \U0001F3DB Zürich")},
      {"text with what JSON escapes", text("quote \" backslash \\ slash / tab \t line \n bell \a")},
      {"text with a zero byte", text(std::string_view("a\0b", 3))},
      {"text with delete and C1", text("\x7f \u0085 \u2028")},
      {"text that is not UTF-8", text("\xff\xc0\x80\xed\xa0\x80")},
      {"blob empty", BlobValue{}},
      {"blob of one", BlobValue{{0xff}}},
      {"blob of two", BlobValue{{0x00, 0x01}}},
      {"blob of all bytes", all},
  };
}

JoinBegin join_begin() {
  JoinBegin begin;
  begin.session_key = session_signer().public_key();
  begin.nonce = nonce(0x30);
  begin.identification.kind.text = "key";
  begin.identification.name.text = "voter-17";
  begin.identification.credential = credential_signer().public_key();
  begin.identification.signature =
      credential_signer().sign(credential_signed_bytes(cluster(), begin));
  return begin;
}

JoinBegin identified_begin() {
  JoinBegin begin = join_begin();
  begin.identification.kind.text = "id_token";
  begin.identification.name.text.clear();
  begin.identification.signature =
      credential_signer().sign(credential_signed_bytes(cluster(), begin));
  return begin;
}

Identity identity() {
  return {{"id_token"},
          {"https://id.example"},
          {"anna-7"},
          {R"({"email":"anna@guild.example","email_verified":true})"},
          noon + 300'000'000};
}

namespace {

JoinToken identity_token_of(std::uint16_t replica) {
  const Name address{"127.0.0.1"};
  const AgreedTime expires = noon + 60'000'000;
  const Bytes bytes = identity_token_signed_bytes(cluster(), join_digest(identified_begin()),
                                                  identity(), address, expires);
  return {ReplicaId{replica}, address, expires, replica_signer(replica).sign(bytes)};
}

JoinToken token_of(std::uint16_t replica) {
  const Name address{"127.0.0.1"};
  const AgreedTime expires = noon + 60'000'000;
  const Bytes bytes =
      join_token_signed_bytes(cluster(), join_digest(join_begin()), address, expires);
  return {ReplicaId{replica}, address, expires, replica_signer(replica).sign(bytes)};
}

Call call_of_all_values() {
  Call call{{"cast_vote"}, {}};
  // Every byte of this sample is replaced by every other in the tests: the longest value stays out.
  for (const auto& [name, value] : values())
    if (encode(value).size() < 100) call.arguments.items.push_back({{name}, value});
  return call;
}

Execute two_statements() {
  Execute execute;
  execute.statements.items.resize(2);
  Statement& insert = execute.statements.items[0];
  insert.sql.text = "INSERT INTO note(author, body) VALUES (?1, :body)";
  insert.positional.items = {std::int64_t{7}, std::monostate{}};
  insert.named.items = {{{":body"}, text("it's \"quoted\"")}};
  execute.statements.items[1].sql.text = "SELECT count(*) FROM note";
  return execute;
}

Transaction moving_money() {
  using Kind = Condition::Kind;
  Transaction transaction;
  transaction.steps.items.resize(3);
  Step& take = transaction.steps.items[0];
  take.statement.sql.text = "UPDATE account SET balance = balance - ?1 WHERE id = ?2";
  take.statement.positional.items = {std::int64_t{10}, std::int64_t{1}};
  take.may_fail = true;
  Step& give = transaction.steps.items[1];
  give.statement.sql.text = "UPDATE account SET balance = balance + 10 WHERE id = 2";
  give.when.items = {{Kind::ok, 0}, {Kind::changed, 0}, {Kind::all, 2}};
  Step& tell = transaction.steps.items[2];
  tell.statement.sql.text = "INSERT INTO note(body) VALUES (:body)";
  tell.statement.named.items = {{{"body"}, text("poor")}};
  tell.when.items = {{Kind::error, 0}, {Kind::changed, 1}, {Kind::negate, 0},
                     {Kind::any, 2},   {Kind::rows, 0},    {Kind::any, 2}};
  return transaction;
}

Install small_application() {
  Install install;
  install.files.items.resize(2);
  install.files.items[0].path.text = "prytany.json";
  set(install.files.items[0].content, R"({"name":"notes","version":"1"})");
  install.files.items[1].path.text = "schema/001_notes.sql";
  set(install.files.items[1].content, "CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT);");
  return install;
}

}  // namespace

Named<Operation> operations() {
  const auto signature_of = [](std::uint16_t member) {
    const Reconfigure change{ConfigNumber{2}, ReplicaId{1}, session_signer().public_key(), {}};
    return replica_signer(member).sign(reconfigure_signed_bytes(cluster(), change));
  };
  Execute read{{{{{"SELECT 1"}, {}, {}}}}, true};
  Null null{16, {}};
  set(null.payload, std::string_view("\0\1\2", 3));
  return {
      {"join", Join{join_begin(), {{token_of(0), token_of(2)}}}},
      {"leave", Leave{}},
      {"call without arguments", Call{{"tally"}, {}}},
      {"call with every kind of value", call_of_all_values()},
      {"execute two statements", two_statements()},
      {"execute read-only", read},
      {"install", small_application()},
      {"null", null},
      {"reconfigure",
       Reconfigure{ConfigNumber{2},
                   ReplicaId{1},
                   session_signer().public_key(),
                   {{{ReplicaId{0}, signature_of(0)}, {ReplicaId{3}, signature_of(3)}}}}},
      {"transaction", moving_money()},
      {"transaction of nothing that only reads", Transaction{{}, true}},
      {"upgrade, tried", Upgrade{small_application(), true, false}},
      {"upgrade that goes back", Upgrade{{}, false, true}},
      {"identified_join",
       IdentifiedJoin{
           identified_begin(), identity(), {{identity_token_of(0), identity_token_of(2)}}}},
      {"explain a call", Explain{Call{{"tally"}, {}}}},
      {"explain SQL", Explain{two_statements()}},
      {"explain a transaction", Explain{moving_money()}},
  };
}

ClientRequest request_of(const Operation& operation, SessionId session, RequestNumber number) {
  ClientRequest request;
  request.body = {session, number, session_signer().public_key(), {encode(operation)}};
  request.proof.signature =
      session_signer().sign(request_signed_bytes(cluster(), request_digest(request.body)));
  return request;
}

Named<ClientRequest> requests() {
  Named<ClientRequest> all;
  std::uint64_t number = 0;
  for (const auto& [name, operation] : operations()) {
    const SessionId session{std::holds_alternative<Join>(operation) ? 0U : 5U};
    all.emplace_back(name, request_of(operation, session, RequestNumber{++number}));
  }
  ClientRequest unknown = request_of(Leave{}, SessionId{5}, RequestNumber{++number});
  unknown.body.operation.bytes = {0x63, 0x01};
  unknown.proof.signature =
      session_signer().sign(request_signed_bytes(cluster(), request_digest(unknown.body)));
  all.emplace_back("an operation of a later version", unknown);
  return all;
}

std::vector<ClientRequest> signed_together() {
  std::vector<ClientRequest> all;
  std::vector<Digest> digests;
  for (const auto& [name, request] : requests()) {
    if (request.body.session == SessionId{0} || all.size() == 5) continue;
    all.push_back(request);
    digests.push_back(request_digest(request.body));
  }
  const auto signatures = sign_requests(cluster(), session_signer(), digests);
  for (std::size_t i = 0; i < all.size(); ++i) all[i].proof.signature = signatures[i];
  return all;
}

Named<Outcome> outcomes() {
  ResultSet set;
  set.columns.items = {{"id"}, {"body"}, {"weight"}};
  set.rows.items = {{{std::int64_t{1}, text("first"), 0.5}},
                    {{std::int64_t{2}, std::monostate{}, BlobValue{{1, 2, 3}}}}};
  set.changes = 2;
  set.last_insert_rowid = 9;
  NullReply null;
  null.bytes.bytes.assign(16, 0);
  return {
      {"done", DoneReply{}},
      {"error", ErrorReply{{"ALREADY_VOTED"}, {"this voter has voted"}, {"cast_vote"}, 3}},
      {"results", ResultSets{{set, ResultSet{}}}},
      {"joined", JoinedReply{SessionId{5}, {"voter-17"}, {"voter"}, SessionId{3}}},
      {"null", null},
      {"steps", StepResults{{set, SkippedReply{},
                             ErrorReply{{"SQLITE_CONSTRAINT_CHECK"}, {"too poor"}, {}, 3}}}},
  };
}

CheckpointProof checkpoint_proof(const Checkpoint& checkpoint,
                                 const std::vector<std::uint16_t>& signers) {
  CheckpointProof proof{checkpoint, {}};
  for (const std::uint16_t i : signers) {
    const auto content = sign(membership(), ReplicaId{i}, replica_signer(i), checkpoint);
    proof.signatures.items.push_back({ReplicaId{i}, content.signature});
  }
  return proof;
}

namespace {

ViewChange view_change() {
  const PreparedEntry entry{Seq{129}, digest_of("batch 129"), View{2}};
  return {
      View{5},
      checkpoint_proof({Seq{128}, digest_of("state 128"), digest_of("configuration")}, {0, 1, 3}),
      {{entry}},
      {{entry, {Seq{130}, digest_of("batch 130"), View{1}}}}};
}

Signed<ViewChange> signed_view_change(std::uint16_t replica) {
  return sign(membership(), ReplicaId{replica}, replica_signer(replica), view_change());
}

NewView new_view() {
  NewView message{View{5}, {}, {Seq{128}, digest_of("state 128")}, {}};
  for (const std::uint16_t i : std::vector<std::uint16_t>{0, 1, 3})
    message.view_changes.items.push_back({ReplicaId{i}, signed_view_change(i)});
  message.choices.items = {{Seq{129}, digest_of("batch 129")}, {Seq{130}, std::nullopt}};
  return message;
}

SpeakFor speak_for() {
  const crypto::Signer session = session_signer();
  return {session.public_key(),
          session.sign(speak_for_signed_bytes(digest_of("hellos"), session.public_key()))};
}

BundleRequest bundle_request(bool is_signed) {
  BundleRequest asked{requests()[1].second, {}};
  if (is_signed) return asked;
  asked.request.proof.signature.reset();
  asked.tags.items = {{1, 2}, {3, 4}, {5, 6}, {7, 8}};
  return asked;
}

List<RelayedVoice, limits::relayed_max> voices() {
  const Digest request = request_digest(requests()[4].second.body);
  const ReplyDigest reply{SessionId{5}, RequestNumber{5}, request, digest_of("a reply")};
  return {{{9, {server_hello(), std::nullopt}},
           {9, {reply, crypto::Tag16{1, 2}}},
           {9, {Refused{request, {"hello_first"}, {"no such connection here"}}, std::nullopt}},
           {9, {SessionEnded{SessionId{3}, {"replaced"}}, crypto::Tag16{3, 4}}}}};
}

template <class M>
Signed<M> by_sender(M message) {
  return sign(membership(), peer_sender, replica_signer(peer_sender.value), std::move(message));
}

}  // namespace

Named<PeerMessage> peer_messages() {
  const Agreed agreed{noon, {}};
  Agreed chosen{noon + 1, {}};
  set(chosen.choice, "a choice");
  Batch batch;
  batch.requests.items = {requests()[2].second, signed_together()[2]};
  const Checkpoint checkpoint{Seq{128}, digest_of("state 128")};
  StatePages pages;
  set(pages.bytes, "some bytes stand for pages");
  const TreeNodes nodes{{{digest_of("a child"), digest_of("another")}}};
  return {
      {"pre-prepare", PrePrepare{View{1}, Seq{130}, batch, chosen}},
      {"pre-prepare, null batch", PrePrepare{View{1}, Seq{131}, {}, agreed}},
      {"prepare", Prepare{View{1}, Seq{130}, batch_digest(batch, chosen)}},
      {"commit", Commit{View{1}, Seq{130}, batch_digest(batch, chosen)}},
      {"checkpoint", by_sender(checkpoint)},
      {"committed", Committed{Seq{130}, batch_digest(batch, chosen)}},
      {"forward", Forward{requests()[1].second}},
      {"status",
       Status{View{1}, View{1}, Seq{128}, Seq{129}, {{{Seq{130}, true, true, false}, {Seq{132}}}}}},
      {"fetch-batch", FetchBatch{Seq{130}, batch_digest(batch, chosen)}},
      {"batch-body", BatchBody{Seq{130}, batch, chosen}},
      {"checkpoint-proof", checkpoint_proof(checkpoint, {0, 1, 2})},
      {"view-change", by_sender(view_change())},
      {"new-view", by_sender(new_view())},
      {"fetch-part, root", FetchPart{Seq{128}, 1, RootWish{}}},
      {"fetch-part, nodes", FetchPart{Seq{128}, 2, NodesWish{3, {{0, 17}}}}},
      {"fetch-part, pages", FetchPart{Seq{128}, 3, PagesWish{{{5, 6, 4'294'967'295}}}}},
      {"state-part, not held", StatePart{Seq{128}, 1, NotHeld{}}},
      {"state-part, ask later", StatePart{Seq{128}, 1, AskLater{}}},
      {"state-part, root", StatePart{Seq{128}, 1, TreeRoot{300, digest_of("top")}}},
      {"state-part, nodes", StatePart{Seq{128}, 2, nodes}},
      {"state-part, pages", StatePart{Seq{128}, 3, pages}},
      {"ask-votes", AskVotes{Seq{128}}},
      {"votes-seen",
       VotesSeen{View{2},
                 Seq{131},
                 Seq{130},
                 View{1},
                 {{{Seq{130}, batch_digest(batch, chosen), batch_digest(batch, chosen)},
                   {Seq{131}, batch_digest(Batch{}, agreed), std::nullopt}}}}},
      {"verified", Verified{{{digest_of("one request"), digest_of("another")}}}},
      {"pre-prepare-digests",
       PrePrepareDigests{
           View{1}, Seq{130}, {{digest_of("one request"), digest_of("another")}}, chosen}},
      {"signed-prepare", by_sender(Prepare{View{1}, Seq{130}, batch_digest(batch, chosen)})},
      {"signed-commit", by_sender(Commit{View{1}, Seq{130}, batch_digest(batch, chosen)})},
      {"ping", Ping{7}},
      {"pong", Pong{7}},
      {"relay", Relay{{{{9, client_hello()},
                        {9, speak_for()},
                        {9, bundle_request(false)},
                        {9, bundle_request(true)},
                        {9, Gone{}}}}}},
      {"relay-back", RelayBack{voices()}},
  };
}

crypto::DhSecret client_dh() { return crypto::DhSecret(counting(0x01)); }
crypto::DhSecret server_dh() { return crypto::DhSecret(counting(0x41)); }

ClientHello client_hello() { return {cluster(), client_dh().public_key(), nonce(0x50)}; }

ServerHello server_hello() {
  ServerHello hello{ReplicaId{2}, server_dh().public_key(), nonce(0x60), ConfigNumber{3}, {}};
  hello.signature = replica_signer(2).sign(hello_signed_bytes(client_hello(), hello));
  return hello;
}

PublicRead public_read() { return {12, {{"turnout"}, {{{{"ward"}, std::int64_t{4}}}}}}; }

FastRead fast_read() {
  const Operation asked = Call{{"turnout"}, {{{{"ward"}, std::int64_t{4}}}}};
  FastRead read{{13, SessionId{5}, session_signer().public_key(), {encode(asked)}},
                ReplicaId{3},
                crypto::Tag16{3, 4}};
  return read;
}

Subscribe subscribe() {
  Subscribe asked{{14, SessionId{5}, session_signer().public_key(), {{{"bids"}, {"desk"}}}}, 6, {}};
  const Digest hello = crypto::sha256(hello_signed_bytes(client_hello(), server_hello()));
  asked.signature = session_signer().sign(
      subscribe_signed_bytes(hello, subscription_digest(asked.body), asked.after));
  return asked;
}

ConfigurationLink configuration_link() {
  Configuration next{ConfigNumber{1}, Seq{384}, {membership().replica_keys}};
  next.keys.items[1] = session_signer().public_key();
  Membership before = membership();
  before.config = ConfigNumber{0};
  const Checkpoint end{next.since, digest_of("state 384"), configuration_digest(cluster(), next)};
  CheckpointProof proof{end, {}};
  for (const std::uint16_t i : std::vector<std::uint16_t>{0, 2, 3})
    proof.signatures.items.push_back(
        {ReplicaId{i}, sign(before, ReplicaId{i}, replica_signer(i), end).signature});
  return {next, proof};
}

Named<FromClient> from_client() {
  Named<FromClient> all = {{"hello", client_hello()}, {"join_begin", join_begin()}};
  for (const auto& [name, request] : requests())
    all.emplace_back("request: " + name, SubmitRequest{request, std::nullopt});
  all.emplace_back("request with a designated replica",
                   SubmitRequest{requests()[1].second, ReplicaId{3}});
  ClientRequest tagged = requests()[1].second;
  tagged.proof.signature.reset();
  all.emplace_back("request with a tag", SubmitRequest{tagged, ReplicaId{3}, crypto::Tag16{1, 2}});
  all.emplace_back("speak_for", speak_for());
  all.emplace_back("read", public_read());
  all.emplace_back("status", StatusRequest{std::numeric_limits<std::uint64_t>::max()});
  all.emplace_back("configurations", ConfigurationsRequest{ConfigNumber{1}});
  all.emplace_back("fast_read", fast_read());
  all.emplace_back("subscribe", subscribe());
  Subscribe newest = subscribe();
  newest.after.reset();
  all.emplace_back("subscribe from now", newest);
  all.emplace_back("more", More{subscription_digest(subscribe().body)});
  all.emplace_back("unsubscribe", Unsubscribe{subscription_digest(subscribe().body)});
  all.emplace_back(
      "identify by a certificate",
      Identify{identified_begin(), CertificateProof{{{{to_bytes(as_bytes("the client's"))},
                                                      {to_bytes(as_bytes("one between"))}}},
                                                    {to_bytes(as_bytes("signature"))}}});
  all.emplace_back("identify by a token",
                   Identify{identified_begin(), IdTokenProof{{"head.payload.signature"}}});
  all.emplace_back("pass_on hello", PassOn{ReplicaId{3}, client_hello()});
  all.emplace_back("pass_on speak_for", PassOn{ReplicaId{3}, speak_for()});
  all.emplace_back("bundle_request with tags", bundle_request(false));
  all.emplace_back("bundle_request with a signature", bundle_request(true));
  return all;
}

Named<ToClient> to_client() {
  Named<ToClient> all = {
      {"hello_ok", server_hello()},
      {"join_token", JoinTokenReply{join_digest(join_begin()), token_of(2)}},
  };
  const Digest request = request_digest(requests()[4].second.body);
  for (const auto& [name, outcome] : outcomes()) {
    all.emplace_back("reply: " + name,
                     Reply{SessionId{5}, RequestNumber{5}, request, Seq{130}, noon, outcome});
  }
  const Reply reply{SessionId{5}, RequestNumber{5}, request, Seq{130}, noon, outcomes()[2].second};
  all.emplace_back("reply_digest", ReplyDigest{reply.session, reply.number, reply.request,
                                               reply_digest(cluster(), reply)});
  all.emplace_back("read_reply", PublicReadReply{12, read_digest(public_read()), Seq{130}, noon,
                                                 outcomes()[2].second});
  all.emplace_back("refused", Refused{request, {"overloaded"}, {"too many requests; try again"}});
  all.emplace_back("session_ended", SessionEnded{SessionId{3}, {"replaced"}});
  all.emplace_back("status_reply", StatusReply{7, ReplicaId{2}, View{1}, ReplicaId{1}, Seq{130},
                                               Seq{128}, digest_of("state 128"), 3});
  all.emplace_back("configurations", ConfigurationsReply{{{configuration_link()}}});
  const Digest question = fast_read_digest(fast_read().body);
  const FastReadReply fast{13, question, Seq{130}, noon, outcomes()[2].second};
  all.emplace_back("fast_read_reply", fast);
  all.emplace_back("fast_read_digest",
                   FastReadDigest{13, question, Seq{130}, noon, fast_outcome_digest(fast.outcome)});
  Changes changes{subscription_digest(subscribe().body), 6, 12, {}};
  changes.items.items = {{7, Seq{129}, noon, {"bids"}, std::int64_t{300}},
                         {8, Seq{129}, noon, {"desk"}, std::monostate{}},
                         {12, Seq{130}, noon + 1, {"bids"}, text("withdrawn")}};
  all.emplace_back("changes", changes);
  all.emplace_back("identity_token", IdentityTokenReply{join_digest(identified_begin()), identity(),
                                                        identity_token_of(2)});
  const std::vector<std::string> kinds = {"hello_ok", "reply_digest", "refused", "session_ended"};
  for (std::size_t i = 0; i < kinds.size(); ++i)
    all.emplace_back("passed_back " + kinds[i], PassedBack{ReplicaId{3}, voices().items[i].voice});
  all.emplace_back(
      "bundle",
      Bundle{reply, {{{ReplicaId{1}, crypto::Tag16{1, 2}}, {ReplicaId{3}, crypto::Tag16{3, 4}}}}});
  return all;
}

Handshake::Entropy link_entropy(std::uint16_t replica) {
  const auto shift = static_cast<std::uint8_t>(replica * 0x20);
  return {counting(static_cast<std::uint8_t>(0x03 + shift)),
          nonce(static_cast<std::uint8_t>(0x70 + shift))};
}

}  // namespace prytany::vectors
