#include "tests/sim/reference.h"

#include <memory>
#include <set>
#include <utility>

#include "vfs/page_store.h"

namespace prytany::sim {

namespace {

/// Nothing needs to survive.
class NoDisk final : public vfs::StateDisk {
 public:
  Result<void> load(vfs::ImageSink& sink) override { return sink.begin(0, -1, 0); }
  void begin_commit(vfs::Commit commit) override { number_ = commit.number; }
  Result<vfs::DiskProgress> progress() override { return vfs::DiskProgress{number_, number_}; }

 private:
  std::uint64_t number_ = 0;
};

void compare_checkpoint(Checks& checks, Seq seq, const Digest& state) {
  const auto& known = checks.state.states();
  const auto found = known.find(seq);
  if (found != known.end() && found->second != state)
    checks.violations.add("reference", "executing the log from scratch gives the state " +
                                           state.brief() + " at n" + std::to_string(seq.value) +
                                           ", the replicas agreed on " + found->second.brief());
}

/// By request: digests of all replies that executing the log gave it.
using Answers = std::map<Digest, std::set<Digest>>;

void compare_reply(Checks& checks, const ReplyChecker::Key& key, const ReplyChecker::Given& given,
                   const Answers& answers) {
  const auto found = answers.find(std::get<Digest>(key));
  const std::string which = "request " + std::to_string(std::get<RequestNumber>(key).value) +
                            " of session " + std::to_string(std::get<SessionId>(key).value);
  if (found == answers.end()) {
    checks.violations.add("reference", replica_name(given.by) + " answered " + which +
                                           ", which is not in the committed log");
  } else if (!found->second.contains(given.reply)) {
    checks.violations.add("reference", "executing the log from scratch answers " + which +
                                           " otherwise than " + replica_name(given.by));
  }
}

}  // namespace

Replies replay_by_executor(const app::ExecutorConfig& config, app::Application* application,
                           Checks& checks) {
  Replies replies;
  Answers answers;
  NoDisk disk;
  vfs::PageStoreOptions options;
  options.capacity_bytes = std::uint64_t{1} << 30;
  auto store = vfs::PageStore::open(disk, options);
  ENSURE(store.ok());
  app::Executor executor(config, **store, application);
  for (const auto& [seq, committed] : checks.agreement.log()) {
    if (seq > checks.agreement.contiguous()) break;
    const app::Executed executed =
        executor.execute(seq, committed.digest, committed.batch, committed.agreed);
    // A request that came twice is answered as it was the first time; a refused join is not.
    for (const wire::Reply& reply : executed.replies) {
      answers[reply.request].insert(wire::reply_digest(config.cluster, reply));
      replies.try_emplace({reply.request, seq}, reply);
    }
    checks.reads.state_after(seq, [&](const SeenRead& read) {
      return executor.session_read(read.session, read.signer, read.operation);
    });
    if (seq.value % config.checkpoint_interval == 0) {
      compare_checkpoint(checks, seq, executor.checkpoint(seq));
      (*store)->discard_below(vfs::Label{seq.value});
    }
  }
  checks.reads.finish();
  for (const auto& [key, given] : checks.replies.given()) {
    compare_reply(checks, key, given, answers);
    for (const ReplyChecker::Given& other : given.others)
      compare_reply(checks, key, other, answers);
    if (!given.whole || std::get<SessionId>(key) == SessionId{0}) continue;
    const auto known = replies.find({given.whole->request, given.whole->seq});
    if (known != replies.end()) known->second = *given.whole;
  }
  return replies;
}

}  // namespace prytany::sim
