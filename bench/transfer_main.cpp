// prytany-bench-transfer: what a state transfer costs, from nothing different to everything; and
// what else could depend on the state's size, its digest at a checkpoint and starting with it.
//
// Three peers and one replica in one process and one thread: the real walk, servers, messages,
// frames with their tags, the file beside the database, and state.db on a real folder. Frames are
// passed on in memory instead of through sockets. So the time is that of all four together, less
// the network's.
#include <sys/resource.h>
#include <time.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "server/base/ensure.h"
#include "server/node/outbox.h"
#include "server/node/state_fetch.h"
#include "server/node/state_server.h"
#include "server/wire/verify.h"
#include "vfs/slot_file.h"
#include "vfs/state_file.h"

namespace prytany {
namespace {

using vfs::byte_offset;
using vfs::Label;
using vfs::page_bytes;
using vfs::PageIndex;

constexpr unsigned peers = 3;
constexpr ReplicaId self{peers};

Time now() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return Time{static_cast<std::uint64_t>(t.tv_sec) * 1'000'000 +
              static_cast<std::uint64_t>(t.tv_nsec) / 1000};
}

rusage usage() {
  rusage all{};
  ::getrusage(RUSAGE_SELF, &all);
  return all;
}
double cpu_seconds() {
  const rusage all = usage();
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(all.ru_utime) + seconds(all.ru_stime);
}

class NoDisk final : public vfs::StateDisk {
 public:
  Result<void> load(vfs::ImageSink& sink) override { return sink.begin(0, -1, 0); }
  void begin_commit(vfs::Commit commit) override { last_ = commit.number; }
  Result<vfs::DiskProgress> progress() override { return vfs::DiskProgress{last_, last_}; }

 private:
  std::uint64_t last_ = 0;
};

/// Frames on their way, and how many there were.
class Wire final : public node::Transport {
 public:
  void send(ReplicaId to, Bytes frame) override {
    ++frames;
    bytes += frame.size();
    waiting.emplace_back(to, std::move(frame));
  }
  void reply(node::ConnectionId, std::string) override {}
  void close(node::ConnectionId, std::string_view) override {}

  std::vector<std::pair<ReplicaId, Bytes>> waiting;
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
};

wire::LinkKeys keys() {
  crypto::MacKey key{};
  return {crypto::Mac(key), crypto::Mac(key)};
}

wire::Membership members() {
  wire::Membership group;
  group.replica_keys.resize(peers + 1);
  return group;
}

/// The three peers: one state, a server and a link each.
class Peers {
 public:
  Peers() {
    store = std::move(*vfs::PageStore::open(disk_));
    for (unsigned i = 0; i < peers; ++i) {
      servers_.push_back(std::make_unique<node::StateServer>(*store));
      out_.push_back(std::make_unique<node::Outbox>(ConfigNumber{0}, answers));
      out_.back()->up(self, keys());
    }
  }
  void change(PageIndex page, std::mt19937_64& random) {
    std::array<std::uint64_t, page_bytes / 8> words{};
    for (std::uint64_t& word : words) word = random();
    ENSURE(store->write(byte_offset(page),
                        {reinterpret_cast<const std::uint8_t*>(words.data()), page_bytes}));
  }
  /// Answers go to `answers`, marked with whom they are from.
  void frame(ReplicaId peer, const Bytes& sealed) {
    const auto opened = verifier_.open(self, keys_, sealed);
    ENSURE(opened.ok());
    for (const auto& message : *opened) {
      out_[peer.value]->add(
          self, servers_[peer.value]->serve(self, std::get<wire::FetchPart>(*message), now()));
      ++messages;
    }
    const std::size_t before = answers.waiting.size();
    out_[peer.value]->flush();
    for (std::size_t i = before; i < answers.waiting.size(); ++i) answers.waiting[i].first = peer;
  }

  std::unique_ptr<vfs::PageStore> store;
  Wire answers;
  std::uint64_t messages = 0;

 private:
  NoDisk disk_;
  wire::Verifier verifier_{members()};
  wire::LinkKeys keys_ = keys();
  std::vector<std::unique_ptr<node::StateServer>> servers_;
  std::vector<std::unique_ptr<node::Outbox>> out_;
};

/// The replica that fetches.
class Fetcher {
 public:
  explicit Fetcher(const std::string& folder) : slots_(folder) {
    auto disk = vfs::StateFile::open(folder);
    if (!disk) throw std::runtime_error(disk.error().message);
    disk_ = std::move(*disk);
    store_ = std::move(*vfs::PageStore::open(*disk_));
    store_->checkpoint(Label{0});
    ENSURE(fetched_.load().ok());
    for (unsigned i = 0; i < peers; ++i) {
      connected_.insert(ReplicaId{static_cast<std::uint16_t>(i)});
      out_.up(ReplicaId{static_cast<std::uint16_t>(i)}, keys());
    }
  }

  void fetch(Peers& from, Seq seq, const char* what, double digest_ms) {
    wire::CheckpointProof proof;
    proof.checkpoint = {seq, from.store->root()};
    const Time began = now();
    const double cpu_before = cpu_seconds();
    const node::TransferCounters before = counters_;
    const std::uint64_t bytes_before = asks_.bytes + from.answers.bytes;
    const std::uint64_t messages_before = from.messages;
    node::StateFetch walk({*store_, fetched_, counters_}, proof, self,
                          pbft::Group{peers + 1, peers / 3}, {}, now());
    while (!walk.complete()) turn(walk, from);
    const Time walked = now();
    ENSURE(walk.install(*store_).ok());
    ENSURE(store_->begin_commit(Label{seq.value}).ok());
    while (store_->durable() != Label{seq.value}) {
      ENSURE(store_->poll_disk().ok());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ENSURE(fetched_.clear().ok());
    const Time ended = now();
    std::printf("| %u | %s | %.3f | %llu | %.2f | %llu | %.3f | %.3f | %.3f | %ld |\n",
                from.store->page_count(Label{seq.value}) / 256, what, digest_ms,
                static_cast<unsigned long long>(counters_.pages - before.pages),
                static_cast<double>(asks_.bytes + from.answers.bytes - bytes_before) / (1 << 20),
                static_cast<unsigned long long>(2 * (from.messages - messages_before)),
                static_cast<double>(walked - began) / 1e6,
                static_cast<double>(ended - walked) / 1e6, cpu_seconds() - cpu_before,
                usage().ru_maxrss / 1024);
    std::fflush(stdout);
  }

 private:
  void turn(node::StateFetch& walk, Peers& from) {
    for (const auto& [to, ask] : walk.ask(now(), connected_)) out_.add(to, ask);
    out_.flush();
    for (const auto& [to, sealed] : std::exchange(asks_.waiting, {})) from.frame(to, sealed);
    const auto answers = std::exchange(from.answers.waiting, {});
    for (const auto& [peer, sealed] : answers) {
      const auto opened = verifier_.open(peer, keys_, sealed);
      ENSURE(opened.ok());
      for (const auto& message : *opened)
        ENSURE(walk.on(peer, std::get<wire::StatePart>(*message), now()).ok());
    }
    if (answers.empty() && walk.deadline() > now() && walk.deadline() != never)
      std::this_thread::sleep_for(std::chrono::microseconds(walk.deadline() - now()));
  }

  std::unique_ptr<vfs::StateFile> disk_;
  std::unique_ptr<vfs::PageStore> store_;
  vfs::SlotFile slots_;
  vfs::FetchedPages fetched_{slots_};
  node::TransferCounters counters_;
  Wire asks_;
  node::Outbox out_{ConfigNumber{0}, asks_};
  wire::Verifier verifier_{members()};
  wire::LinkKeys keys_ = keys();
  std::set<ReplicaId> connected_;
};

/// A process that starts: from state.db to a digest that others can be asked about.
double start_seconds(const std::string& folder) {
  const Time began = now();
  auto disk = vfs::StateFile::open(folder);
  if (!disk) throw std::runtime_error(disk.error().message);
  const auto store = std::move(*vfs::PageStore::open(**disk));
  (void)store->root();
  return static_cast<double>(now() - began) / 1e6;
}

/// How long a start took, in seconds.
double measure(const std::string& folder, PageIndex pages) {
  std::filesystem::create_directories(folder);
  {
    std::mt19937_64 random(pages);
    Peers from;
    Fetcher fetcher(folder);
    std::uint64_t seq = 0;
    const auto next = [&](const char* what, PageIndex changed) {
      for (PageIndex i = 0; i < changed; ++i)
        from.change(static_cast<PageIndex>(random() % pages), random);
      const Time began = now();
      from.store->checkpoint(Label{++seq});
      const double digest_ms = static_cast<double>(now() - began) / 1e3;
      from.store->discard_below(Label{seq});
      fetcher.fetch(from, Seq{seq}, what, digest_ms);
    };
    for (PageIndex page = 0; page < pages; ++page) from.change(page, random);
    next("everything", 0);
    next("10 %", pages / 10);
    next("1 %", pages / 100);
    next("one page", 1);
    next("nothing", 0);
  }
  const double start = start_seconds(folder);
  std::filesystem::remove_all(folder);
  return start;
}

}  // namespace
}  // namespace prytany

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s EMPTY-FOLDER MIB...\n", argv[0]);
    return 2;
  }
  std::printf(
      "| state, MiB | differs | digest, ms | pages fetched | on the wire, MiB | messages | walk, s "
      "| install "
      "and "
      "commit, s | CPU, s | peak memory, MiB |\n|---|---|---|---|---|---|---|---|---|---|\n");
  std::string starts = "\n| state, MiB | start-up, s |\n|---|---|\n";
  for (int i = 2; i < argc; ++i) {
    const auto mib = static_cast<prytany::vfs::PageIndex>(std::atoi(argv[i]));
    const double start = prytany::measure(std::string(argv[1]) + "/transfer", mib * 256);
    std::array<char, 64> line{};
    std::snprintf(line.data(), line.size(), "| %u | %.3f |\n", mib, start);
    starts += line.data();
  }
  std::printf("%s", starts.c_str());
  return 0;
}
