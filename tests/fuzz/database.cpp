#include "tests/fuzz/database.h"

#include "server/wire/messages.h"

namespace prytany::fuzz {
namespace {

constexpr std::uint64_t interval = 8;

wire::ClientRequest join_of(const app::ExecutorConfig& config, const crypto::Signer& key) {
  wire::Join join;
  join.begin.session_key = key.public_key();
  join.begin.identification.kind.text = "key";
  join.begin.identification.credential = key.public_key();
  join.begin.identification.signature =
      key.sign(wire::credential_signed_bytes(config.cluster, join.begin));
  for (std::uint8_t i = 0; i < config.weak_quorum; ++i) {
    wire::JoinToken token{ReplicaId{i}, {"127.0.0.1"}, AgreedTime{1'700'000'060'000'000}, {}};
    token.signature = known_key(i).sign(wire::join_token_signed_bytes(
        config.cluster, wire::join_digest(join.begin), token.address, token.expires));
    join.tokens.items.push_back(token);
  }
  wire::ClientRequest request;
  request.body = {
      SessionId{}, RequestNumber{1}, key.public_key(), {wire::encode(wire::Operation(join))}};
  return request;
}

struct First {
  Bytes image;
  SessionId session;
};
const First& first() {
  static const First made = [] {
    Database database{{}};
    const wire::Reply reply = database.execute(join_of(database_config(), known_key(100)));
    const auto* joined = std::get_if<wire::JoinedReply>(&reply.outcome);
    ENSURE(joined != nullptr);
    // The image of a checkpoint: what a replica starts from.
    for (std::uint64_t n = 2; n <= interval; ++n) {
      wire::ClientRequest request;
      request.body = {joined->session,
                      RequestNumber{n},
                      known_key(100).public_key(),
                      {wire::encode(wire::Operation(wire::Null{}))}};
      (void)database.execute(request);
    }
    return First{to_bytes(database.image()), joined->session};
  }();
  return made;
}

}  // namespace

Result<void> ImageDisk::load(vfs::ImageSink& sink) {
  const auto pages = static_cast<vfs::PageIndex>(image_.size() / vfs::page_bytes);
  if (auto begun = sink.begin(pages, -1, 0); !begun) return begun;
  for (vfs::PageIndex page = 0; page < pages; ++page)
    sink.page(page, vfs::PageView(image_.data() + vfs::byte_offset(page), vfs::page_bytes));
  return {};
}

app::ExecutorConfig database_config() {
  app::ExecutorConfig config;
  config.cluster = crypto::sha256("fuzz", as_bytes("cluster"));
  for (std::uint8_t i = 0; i < 4; ++i) config.replica_keys.push_back(known_key(i).public_key());
  config.weak_quorum = 2;
  config.development = true;
  config.administrators = {known_key(100).public_key()};
  config.checkpoint_interval = interval;
  config.window = 2 * interval;
  config.sessions_max = 100;
  config.session_idle_us = 3'600'000'000;
  config.application_pages_max = 400;
  config.steps_per_request_max = 50'000;
  return config;
}

Database::Database(ByteView image) : disk_(image) {
  vfs::PageStoreOptions options;
  options.capacity_bytes = std::uint64_t{64} << 20;
  store_ = vfs::PageStore::open(disk_, options).value();
  executor_ = std::make_unique<app::Executor>(database_config(), *store_, nullptr);
  agreed_us_ = std::max<std::int64_t>(1'700'000'000'000'000, executor_->agreed().value);
}

wire::Reply Database::execute(const wire::ClientRequest& request) {
  const wire::Batch batch{{{request}}};
  agreed_us_ += 1000;
  const wire::Agreed agreed{AgreedTime{agreed_us_}, {}};
  const Seq seq = executor_->executed() + 1;
  app::Executed executed =
      executor_->execute(seq, wire::batch_digest(batch, agreed), batch, agreed);
  ENSURE(executed.replies.size() == 1);
  if (seq.value % interval == 0) {
    (void)executor_->checkpoint(seq);
    store_->discard_below(vfs::Label{seq.value});
  }
  return executed.replies[0];
}

const Bytes& first_image() { return first().image; }
SessionId administrator() { return first().session; }

wire::ClientRequest ordered(std::uint64_t number, const wire::Operation& operation) {
  wire::ClientRequest request;
  request.body = {administrator(),
                  RequestNumber{interval + number},
                  known_key(100).public_key(),
                  {wire::encode(operation)}};
  return request;
}

wire::Outcome TwoDatabases::ask(const wire::Operation& operation) {
  const wire::ClientRequest request = ordered(number_++, operation);
  const wire::Reply reply = one_.execute(request);
  ENSURE(wire::encode(other_.execute(request)) == wire::encode(reply));
  return reply.outcome;
}

void TwoDatabases::read(const wire::Call& call) { (void)other_.executor().public_read(call); }

void TwoDatabases::compare() const {
  ENSURE(std::equal(one_.image().begin(), one_.image().end(), other_.image().begin(),
                    other_.image().end()));
}

}  // namespace prytany::fuzz
