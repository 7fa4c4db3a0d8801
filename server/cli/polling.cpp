#include "server/cli/polling.h"

#include <algorithm>

namespace prytany::cli {
namespace {

constexpr auto patience = std::chrono::seconds(60);

std::size_t count_in(const std::map<unsigned, std::size_t>& counts, unsigned replica) {
  const auto found = counts.find(replica);
  return found == counts.end() ? 0 : found->second;
}

}  // namespace

Polling::Polling(Cluster& cluster, const std::vector<PlayedVoter>& voters, Ballots ballots)
    : cluster_(cluster), voters_(voters), ballots_(ballots) {}

Polling::~Polling() {
  std::unique_lock lock(mutex_);
  admitted_ = next_;
  changed_.wait(lock, [&] { return voting_ == 0; });
}

void Polling::admit(std::size_t count, std::chrono::milliseconds linger) {
  {
    const std::lock_guard lock(mutex_);
    admitted_ = std::min(count, voters_.size());
    linger_ = linger;
  }
  start_more();
}

void Polling::start_more() {
  while (true) {
    std::size_t index = 0;
    std::chrono::milliseconds linger{};
    {
      const std::lock_guard lock(mutex_);
      if (failure_ || voting_ >= ballots_.at_once || next_ >= admitted_) return;
      index = next_++;
      linger = linger_;
      ++voting_;
    }
    start(index, linger);
  }
}

void Polling::start(std::size_t index, std::chrono::milliseconds linger) {
  Options options;
  options.credential = Credential::code(voters_[index].code);
  options.timeout = patience;
  options.linger = linger;
  cluster_.join_async(options,
                      [this, index](Expected<Client> client) { joined(index, std::move(client)); });
}

void Polling::joined(std::size_t index, Expected<Client> client) {
  if (!client) return voted(index, client.error());
  const PlayedVoter& voter = voters_[index];
  const std::string choice = voter.choice == 0 ? "" : std::to_string(voter.choice);
  const std::string ballot = "{\"" + std::to_string(ballots_.question) + "\":[" + choice + "]}";
  // The client lives as long as its last callback.
  const auto session = std::make_shared<Client>(*std::move(client));
  session->call_async(
      "cast_ballot", {{"ballot", ballot}},
      [this, index, session](Expected<Answer> answer) { voted(index, std::move(answer)); });
}

void Polling::voted(std::size_t index, Expected<Answer> answer) {
  {
    const std::lock_guard lock(mutex_);
    if (answer) {
      ++acknowledged_;
      ++cast_[voters_[index].choice];
      last_seq_ = std::max(last_seq_, answer->seq);
      for (const unsigned replica : answer->agreement.agreed) ++confirmed_[replica];
      for (const unsigned replica : answer->agreement.differed) ++contradicted_[replica];
    } else if (!failure_) {
      failure_ = "voter " + voters_[index].voter.id + ": " + answer.error().message + " (" +
                 answer.error().code + ")";
    }
  }
  // Before this voter is counted as gone: from then on the object may be.
  start_more();
  const std::lock_guard lock(mutex_);
  --voting_;
  changed_.notify_all();
}

bool Polling::wait_for(std::size_t count) {
  std::unique_lock lock(mutex_);
  std::size_t before = acknowledged_;
  while (acknowledged_ < count && !failure_) {
    if (changed_.wait_for(lock, patience) == std::cv_status::timeout && acknowledged_ == before)
      failure_ = "no vote was acknowledged for a minute";
    before = acknowledged_;
  }
  return !failure_;
}

std::size_t Polling::acknowledged() const {
  const std::lock_guard lock(mutex_);
  return acknowledged_;
}
std::map<std::int64_t, std::int64_t> Polling::cast() const {
  const std::lock_guard lock(mutex_);
  return cast_;
}
std::uint64_t Polling::last_seq() const {
  const std::lock_guard lock(mutex_);
  return last_seq_;
}
std::size_t Polling::confirmed_by(unsigned replica) const {
  const std::lock_guard lock(mutex_);
  return count_in(confirmed_, replica);
}
std::size_t Polling::contradicted_by(unsigned replica) const {
  const std::lock_guard lock(mutex_);
  return count_in(contradicted_, replica);
}
std::optional<std::string> Polling::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

}  // namespace prytany::cli
