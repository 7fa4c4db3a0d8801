#include "tests/sqlfuzz/histories.h"

#include <malloc.h>
#include <sqlite3.h>

#include <cstdlib>
#include <cstring>
#include <ctime>

#include "server/base/ensure.h"
#include "server/wire/codec.h"

namespace prytany::sqlfuzz {
namespace {

/// What a machine is like that nobody may notice in a result.
void enter_world(bool other) {
  // glibc fills fresh and freed memory with this.
  mallopt(M_PERTURB, other ? 0xa5 : 0);
  setenv("TZ", other ? "Asia/Tokyo" : "UTC", 1);
  setenv("LC_ALL", other ? "de_DE.UTF-8" : "C", 1);
  tzset();
}

void bounds(app::ExecutorConfig& config) {
  // Small enough that requests meet them.
  config.steps_per_request_max = 300'000;
  config.application_pages_max = 600;
}

std::string shown(const wire::Reply& reply) {
  std::string text = app::rows_of(reply.outcome);
  if (text.size() > 500) text = text.substr(0, 500) + "...";
  return text;
}

std::optional<std::string> differ(const std::string& who, const app::Replica& one,
                                  const app::Replica& other) {
  const vfs::PageStore& a = one.store();
  const vfs::PageStore& b = other.store();
  if (a.size() != b.size())
    return who + " has " + std::to_string(b.size()) + " bytes, not " + std::to_string(a.size());
  for (std::uint64_t at = 0; at < a.size(); at += vfs::page_bytes) {
    if (std::memcmp(a.data() + at, b.data() + at, vfs::page_bytes) == 0) continue;
    std::uint64_t byte = at;
    while (a.data()[byte] == b.data()[byte]) ++byte;
    return who + " differs in page " + std::to_string(at / vfs::page_bytes + 1) + " from byte " +
           std::to_string(byte - at);
  }
  return std::nullopt;
}

std::optional<std::string> differ(const std::string& who, const app::Executed& one,
                                  const app::Executed& other) {
  if (one.replies == other.replies || one.replies.empty()) return std::nullopt;
  return who + " answers otherwise:\n  " + shown(other.replies.at(0)) + "\ninstead of\n  " +
         shown(one.replies.at(0));
}

}  // namespace

Histories::Histories(std::uint64_t seed) : dice_(seed), admin_{app::test_key(100), {}, 1} {
  enter_world(false);
  straight_ = std::make_unique<app::Replica>(nullptr, Bytes{}, bounds);
  restarted_ = std::make_unique<app::Replica>(&handle_, Bytes{}, bounds);
  recovered_ = std::make_unique<app::Replica>(nullptr, Bytes{}, bounds);
  admin_ = straight_->join(app::test_key(100));
  for (app::Replica* other : {restarted_.get(), recovered_.get()}) {
    const app::Client twin = other->join(app::test_key(100));
    ENSURE(twin.session == admin_.session);
  }
  // A checkpoint before the first request: nobody need ever begin before it.
  while (events_.checkpoints == 0) {
    const auto difference = run(wire::Batch{}).difference;
    ENSURE(!difference);
  }
}

Histories::~Histories() { enter_world(false); }

Histories::Step Histories::sql(const std::vector<std::string>& statements) {
  wire::Execute execute;
  for (const std::string& statement : statements)
    execute.statements.items.push_back({{statement}, {}, {}});
  if (dice_.one_in(5)) {
    ++events_.explained;
    Step explained = ask(wire::Explain{execute});
    if (explained.difference) return explained;
  }
  return ask(execute);
}

Histories::Step Histories::ask(const wire::Operation& operation) {
  ++events_.requests;
  if (!away_ && dice_.one_in(4)) read_unordered(operation);
  return run(wire::Batch{{{app::request_of(admin_, admin_.next_number++, operation)}}});
}

std::optional<std::string> Histories::settle() {
  const std::uint64_t before = events_.checkpoints;
  std::optional<std::string> difference;
  while (!difference && (events_.checkpoints == before || away_))
    difference = run(wire::Batch{}).difference;
  return difference;
}

Histories::Step Histories::run(const wire::Batch& batch) {
  const app::Executed expected = straight_->execute(batch);
  Step step;
  if (!expected.replies.empty()) step.outcome = expected.replies.front().outcome;
  const auto note = [&](std::optional<std::string> found) {
    if (!step.difference) step.difference = std::move(found);
  };

  enter_world(true);
  // Before, or it would start from what this request left.
  if (!image_.empty() && dice_.one_in(9)) restart();
  note(differ("restarted", expected, execute_on_restarted(batch)));
  enter_world(false);
  journal_.push_back(batch);
  note(differ("restarted", *straight_, *restarted_));
  if (!away_) {
    note(differ("recovered", expected, recovered_->execute(batch)));
    note(differ("recovered", *straight_, *recovered_));
  }
  if (straight_->executor().executed().value % app::Replica::checkpoint_interval == 0)
    note(pass_checkpoint());
  return step;
}

app::Executed Histories::execute_on_restarted(const wire::Batch& batch) {
  if (fault_) fault_(handle_.db);
  // Outside of any request, so nobody is asked whether it is allowed.
  ENSURE(sqlite3_exec(handle_.db, "PRAGMA cache_size = 5", nullptr, nullptr, nullptr) == SQLITE_OK);
  if (dice_.one_in(3)) sqlite3_db_release_memory(handle_.db);
  return restarted_->execute(batch);
}

void Histories::restart() {
  ++events_.restarts;
  restarted_ = std::make_unique<app::Replica>(&handle_, image_, bounds);
  for (const wire::Batch& batch : journal_) {
    (void)execute_on_restarted(batch);
    ++events_.replayed;
  }
}

std::optional<std::string> Histories::pass_checkpoint() {
  ++events_.checkpoints;
  image_ = restarted_->image();
  journal_.clear();
  if (straight_->last_root() != restarted_->last_root())
    return "restarted has another root at the checkpoint";
  if (away_) {
    recovered_->recover(*straight_);
    ++events_.recoveries;
  }
  if (straight_->last_root() != recovered_->last_root())
    return "recovered has another root at the checkpoint";
  away_ = dice_.one_in(3);
  return std::nullopt;
}

/// What it answers is nobody's business here; that it was asked is.
void Histories::read_unordered(wire::Operation operation) {
  ++events_.reads;
  if (auto* execute = std::get_if<wire::Execute>(&operation)) execute->read_only = true;
  (void)recovered_->executor().session_read(admin_.session, admin_.key.public_key(),
                                            wire::encode(operation));
}

}  // namespace prytany::sqlfuzz
