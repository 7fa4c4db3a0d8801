#include "tests/unit/app/bench_of_one.h"

#include "server/base/ensure.h"
#include "server/wire/codec.h"

namespace prytany::app {

Result<void> ImageDisk::load(vfs::ImageSink& sink) {
  const auto pages = static_cast<vfs::PageIndex>(image_.size() / vfs::page_bytes);
  if (auto begun = sink.begin(pages, -1, 0); !begun) return begun;
  for (vfs::PageIndex page = 0; page < pages; ++page)
    sink.page(page, vfs::PageView(image_.data() + vfs::byte_offset(page), vfs::page_bytes));
  return {};
}

crypto::Signer test_key(std::uint8_t number) {
  crypto::Signer::Seed seed{};
  seed.fill(number);
  return crypto::Signer(seed);
}

Replica::Replica(Application* application, Bytes image, void (*change)(ExecutorConfig&)) {
  config_.cluster = crypto::sha256("test", as_bytes("cluster"));
  for (std::uint8_t i = 0; i < 4; ++i) config_.replica_keys.push_back(test_key(i).public_key());
  config_.weak_quorum = 2;
  config_.development = true;
  config_.administrators = {test_key(100).public_key(), test_key(101).public_key()};
  config_.checkpoint_interval = checkpoint_interval;
  config_.sessions_max = 1000;
  config_.session_idle_us = 3'600'000'000;
  config_.application_pages_max = 10'000;
  if (change != nullptr) change(config_);
  disk_ = std::make_unique<ImageDisk>(std::move(image));
  store_ = vfs::PageStore::open(*disk_).value();
  executor_ = std::make_unique<Executor>(config_, *store_, application);
  agreed_us_ = std::max(agreed_us_, executor_->agreed().value);
}

Bytes Replica::image() const { return {store_->data(), store_->data() + store_->size()}; }

void Replica::recover(const Replica& other) {
  executor_->release();
  const vfs::Label label = other.store_->retained().back();
  const vfs::CheckpointTree theirs(*other.store_, label);
  const std::vector<vfs::PageIndex> pages = vfs::diff(store_->tree(), theirs);
  const auto source = [&](std::size_t i, vfs::PageSlots::PageBuffer out) {
    std::ranges::copy(other.store_->read_page(label, pages[i]), out.begin());
    return Result<void>();
  };
  ENSURE(store_->install(label, theirs.root(), other.store_->page_count(label), pages, source));
  executor_->reload();
  agreed_us_ = executor_->agreed().value;
  last_root_ = store_->root();
}

Executed Replica::execute(const wire::Batch& batch, std::int64_t step_us) {
  const Seq seq = executor_->executed() + 1;
  agreed_us_ += step_us;
  const wire::Agreed agreed{AgreedTime{agreed_us_}, {}};
  Executed executed = executor_->execute(seq, wire::batch_digest(batch, agreed), batch, agreed);
  if (seq.value % config_.checkpoint_interval == 0) {
    last_root_ = executor_->checkpoint(seq);
    store_->discard_below(vfs::Label{seq.value});
  }
  return executed;
}

wire::Reply Replica::execute(const wire::ClientRequest& request) {
  return execute(wire::Batch{{{request}}}).replies.at(0);
}

Client Replica::join(const crypto::Signer& credential, const std::string& name,
                     std::uint8_t session_key) {
  Client client{session_key == 0 ? credential : test_key(session_key), {}, 1};
  const wire::Reply reply =
      execute(join_request(config_, client.key, credential, name, now(), 600'000'000));
  const auto* joined = std::get_if<wire::JoinedReply>(&reply.outcome);
  ENSURE(joined != nullptr);
  client.session = joined->session;
  return client;
}

wire::Outcome Replica::ask(Client& client, const wire::Operation& operation) {
  return execute(request_of(client, client.next_number++, operation)).outcome;
}
wire::Outcome Replica::sql(Client& client, const std::string& statement) {
  return ask(client, execute_of(statement));
}
wire::Outcome Replica::call(Client& client, const std::string& procedure,
                            std::vector<wire::Argument> arguments) {
  return ask(client, wire::Call{{procedure}, {std::move(arguments)}});
}

wire::ClientRequest request_of(const Client& client, std::uint64_t number,
                               const wire::Operation& operation) {
  wire::ClientRequest request;
  request.body = {
      client.session, RequestNumber{number}, client.key.public_key(), {wire::encode(operation)}};
  return request;
}

wire::ClientRequest join_request(const ExecutorConfig& config, const crypto::Signer& session_key,
                                 const crypto::Signer& credential, const std::string& name,
                                 AgreedTime now, std::int64_t life_us) {
  wire::Join join;
  join.begin.session_key = session_key.public_key();
  join.begin.nonce.fill(7);
  join.begin.identification.kind.text = "key";
  join.begin.identification.name.text = name;
  join.begin.identification.credential = credential.public_key();
  join.begin.identification.signature =
      credential.sign(wire::credential_signed_bytes(config.cluster, join.begin));
  for (std::uint8_t i = 0; i < config.weak_quorum; ++i) {
    wire::JoinToken token{ReplicaId{i}, {"127.0.0.1"}, now + life_us, {}};
    token.signature = test_key(i).sign(wire::join_token_signed_bytes(
        config.cluster, wire::join_digest(join.begin), token.address, token.expires));
    join.tokens.items.push_back(token);
  }
  wire::ClientRequest request;
  request.body = {SessionId{},
                  RequestNumber{1},
                  session_key.public_key(),
                  {wire::encode(wire::Operation(join))}};
  return request;
}

wire::Execute execute_of(const std::string& sql) {
  wire::Execute execute;
  execute.statements.items.push_back({{sql}, {}, {}});
  return execute;
}

wire::Argument argument(const std::string& name, wire::Value value) {
  return {{name}, std::move(value)};
}

std::string code_of(const wire::Outcome& outcome) {
  const auto* error = std::get_if<wire::ErrorReply>(&outcome);
  return error == nullptr ? "" : error->code.text;
}
std::string message_of(const wire::Outcome& outcome) {
  const auto* error = std::get_if<wire::ErrorReply>(&outcome);
  return error == nullptr ? "" : error->message.text;
}

std::string rows_of(const wire::Outcome& outcome) {
  const auto* sets = std::get_if<wire::ResultSets>(&outcome);
  if (sets == nullptr) return "error " + code_of(outcome) + ": " + message_of(outcome);
  struct Text {
    std::string operator()(std::monostate) const { return "NULL"; }
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const { return std::to_string(v); }
    std::string operator()(const wire::TextValue& v) const { return v.text; }
    std::string operator()(const wire::BlobValue& v) const { return to_hex(v.bytes); }
  };
  std::string out;
  for (const wire::ResultSet& set : *sets)
    for (const wire::Row& row : set.rows) {
      if (!out.empty()) out += '\n';
      for (std::size_t i = 0; i < row.size(); ++i)
        out += (i == 0 ? "" : "|") + std::visit(Text{}, row.items[i]);
    }
  return out;
}

}  // namespace prytany::app
