// prytany-bench-sessions: what a session costs a replica, from ten of them to a hundred thousand.
//
// One executor, in one thread: real joins with tokens and signatures to check, the real database
// and its checkpoints, in memory. What clients compute is made beforehand and not counted; nor is
// what the protocol and the sockets cost, which do not know how many sessions there are.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "server/app/executor.h"
#include "server/base/ensure.h"
#include "server/crypto/sign.h"
#include "server/wire/codec.h"
#include "vfs/page_store.h"

namespace prytany {
namespace {

constexpr std::size_t batch_size = 64;
constexpr std::uint64_t checkpoint_interval = 128;
constexpr std::size_t requests_measured = 64'000;
constexpr std::int64_t batch_us = 1'000;
constexpr std::int64_t token_life_us = 600'000'000;

double cpu_seconds() {
  rusage all{};
  ::getrusage(RUSAGE_SELF, &all);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(all.ru_utime) + seconds(all.ru_stime);
}

double resident_bytes() {
  std::ifstream in("/proc/self/statm");
  long all = 0;
  long resident = 0;
  in >> all >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

crypto::Signer signer_of(std::uint64_t kind, std::uint64_t number) {
  return crypto::Signer(wire::encoded_digest("prytany bench session", kind, number).bytes);
}

class NoDisk final : public vfs::StateDisk {
 public:
  Result<void> load(vfs::ImageSink& sink) override { return sink.begin(0, -1, 0); }
  void begin_commit(vfs::Commit commit) override { last_ = commit.number; }
  Result<vfs::DiskProgress> progress() override { return vfs::DiskProgress{last_, last_}; }

 private:
  std::uint64_t last_ = 0;
};

wire::Install application() {
  wire::Install bundle;
  const auto add = [&](const std::string& path, const std::string& content) {
    bundle.files.items.push_back({{path}, {to_bytes(as_bytes(content))}});
  };
  add("procedures/put.sql",
      "-- @param text text\n-- @roles member\nINSERT INTO entry(by, text) "
      "VALUES(session_principal(), :text);\n");
  add("prytany.json",
      R"({"name": "sessions", "version": "1", "roles": {"member": {"authorize": "anyone"}}})");
  add("schema/001_entry.sql", "CREATE TABLE entry(id INTEGER PRIMARY KEY, by TEXT, text TEXT);\n");
  return bundle;
}

class Bench {
 public:
  explicit Bench(std::size_t sessions_max) {
    config_.cluster = crypto::sha256("prytany bench", as_bytes("sessions"));
    for (std::uint64_t i = 0; i < 4; ++i)
      config_.replica_keys.push_back(signer_of(0, i).public_key());
    config_.weak_quorum = 2;
    config_.development = true;
    config_.administrators = {signer_of(1, 0).public_key()};
    config_.checkpoint_interval = checkpoint_interval;
    config_.sessions_max = sessions_max + 1;
    config_.application_pages_max = 1 << 20;
    store_ = vfs::PageStore::open(disk_).value();
    executor_ = std::make_unique<app::Executor>(config_, *store_, nullptr);
    const wire::Reply joined = execute({join_of(signer_of(1, 0), "")}).front();
    const SessionId admin = std::get<wire::JoinedReply>(joined.outcome).session;
    const wire::Reply installed =
        execute({request_of(admin, 1, signer_of(1, 0), application())}).front();
    ENSURE(std::holds_alternative<wire::DoneReply>(installed.outcome));
  }

  /// One row of the table.
  void measure(std::size_t sessions) {
    const double memory = resident_bytes();
    const std::size_t state = store_->size();
    const std::size_t before = sessions_.size();
    const double joining = grow(sessions);
    const auto added = static_cast<double>(sessions_.size() - before);
    const double memory_each = (resident_bytes() - memory) / added;
    const double state_each = static_cast<double>(store_->size() - state) / added;
    const double requests = ask();
    const double checkpoint = checkpoint_alone();
    std::printf("| %zu | %.0f | %.0f | %.0f | %.0f | %.2f | %.1f | %.2f |\n", sessions,
                joining / added * 1e6, added / joining, memory_each, state_each,
                requests / requests_measured * 1e6, checkpoint * 1e3, reload() * 1e3);
    std::fflush(stdout);
  }

 private:
  static wire::ClientRequest request_of(SessionId session, std::uint64_t number,
                                        const crypto::Signer& key,
                                        const wire::Operation& operation) {
    wire::ClientRequest request;
    request.body = {session, RequestNumber{number}, key.public_key(), {wire::encode(operation)}};
    return request;
  }

  [[nodiscard]] wire::ClientRequest join_of(const crypto::Signer& key,
                                            const std::string& name) const {
    wire::Join join;
    join.begin.session_key = key.public_key();
    join.begin.identification.kind.text = "key";
    join.begin.identification.name.text = name;
    join.begin.identification.credential = key.public_key();
    join.begin.identification.signature =
        key.sign(wire::credential_signed_bytes(config_.cluster, join.begin));
    for (std::uint16_t i = 0; i < config_.weak_quorum; ++i) {
      wire::JoinToken token{ReplicaId{i}, {"127.0.0.1"}, AgreedTime{now_us_ + token_life_us}, {}};
      token.signature = signer_of(0, i).sign(wire::join_token_signed_bytes(
          config_.cluster, wire::join_digest(join.begin), token.address, token.expires));
      join.tokens.items.push_back(token);
    }
    return request_of(SessionId{}, 1, key, join);
  }

  std::vector<wire::Reply> execute(std::vector<wire::ClientRequest> requests) {
    wire::Batch batch;
    for (wire::ClientRequest& request : requests)
      batch.requests.items.push_back(std::move(request));
    const Seq seq = executor_->executed() + 1;
    now_us_ += batch_us;
    const wire::Agreed agreed{AgreedTime{now_us_}, {}};
    const Digest digest = wire::batch_digest(batch, agreed);
    const double began = cpu_seconds();
    std::vector<wire::Reply> replies = executor_->execute(seq, digest, batch, agreed).replies;
    if (seq.value % checkpoint_interval == 0) checkpoint();
    spent_ += cpu_seconds() - began;
    return replies;
  }
  void checkpoint() {
    const Seq seq = executor_->executed();
    executor_->checkpoint(seq);
    store_->discard_below(vfs::Label{seq.value});
  }

  /// Joins until there are so many; the seconds of it.
  double grow(std::size_t sessions) {
    spent_ = 0;
    while (sessions_.size() < sessions) {
      const std::size_t first = sessions_.size();
      std::vector<wire::ClientRequest> joins;
      for (std::size_t i = first; i < std::min(sessions, first + batch_size); ++i)
        joins.push_back(join_of(signer_of(2, i), ""));
      for (const wire::Reply& reply : execute(std::move(joins)))
        sessions_.push_back({std::get<wire::JoinedReply>(reply.outcome).session, 0});
    }
    return spent_;
  }

  /// Requests of sessions all over the table.
  double ask() {
    spent_ = 0;
    for (std::size_t done = 0; done < requests_measured; done += batch_size) {
      std::vector<wire::ClientRequest> requests;
      for (std::size_t i = 0; i < batch_size; ++i) {
        chosen_ = chosen_ * 6364136223846793005U + 1442695040888963407U;
        const std::size_t which = (chosen_ >> 33) % sessions_.size();
        Known& session = sessions_[which];
        wire::Call call{{"put"}, {}};
        call.arguments.items.push_back({{"text"}, wire::TextValue{"twenty bytes of text"}});
        requests.push_back(request_of(session.id, ++session.number, signer_of(2, which), call));
      }
      for (const wire::Reply& reply : execute(std::move(requests)))
        ENSURE(std::holds_alternative<wire::ResultSets>(reply.outcome));
    }
    return spent_;
  }

  /// After a whole interval of requests.
  double checkpoint_alone() {
    do execute({});
    while (executor_->executed().value % checkpoint_interval != checkpoint_interval - 1);
    spent_ = 0;
    execute({});
    return spent_;
  }

  /// As after a restart.
  double reload() {
    const double began = cpu_seconds();
    executor_->release();
    executor_->reload();
    return cpu_seconds() - began;
  }

  struct Known {
    SessionId id;
    std::uint64_t number;
  };
  app::ExecutorConfig config_;
  NoDisk disk_;
  std::unique_ptr<vfs::PageStore> store_;
  std::unique_ptr<app::Executor> executor_;
  std::vector<Known> sessions_;
  std::int64_t now_us_ = 1'700'000'000'000'000;
  std::uint64_t chosen_ = 1;
  double spent_ = 0;
};

}  // namespace
}  // namespace prytany

int main(int argc, char** argv) {
  std::vector<std::size_t> counts = {10, 1'000, 100'000};
  if (argc > 1) counts.clear();
  for (int i = 1; i < argc; ++i) {
    const long count = std::atol(argv[i]);
    if (count <= 0 || (!counts.empty() && static_cast<std::size_t>(count) <= counts.back())) {
      std::fprintf(stderr, "usage: %s [SESSIONS...]   (rising; default: 10 1000 100000)\n",
                   argv[0]);
      return 2;
    }
    counts.push_back(static_cast<std::size_t>(count));
  }
  std::printf(
      "| sessions | us a join | joins/s | memory each, bytes | state each, bytes | us a request, "
      "checkpoints included | ms a checkpoint | ms to load |\n|---|---|---|---|---|---|---|---|\n");
  prytany::Bench bench(counts.back());
  for (const std::size_t count : counts) bench.measure(count);
  return 0;
}
