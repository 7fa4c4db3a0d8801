// Polling day, for the demo: voters who join with their codes and cast their ballots, some dozens
// at a time, each in a session of its own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <prytany/client.h>

#include "server/cli/roll.h"

namespace prytany::cli {

/// A voter as the demo plays it.
struct PlayedVoter {
  Voter voter;
  std::string code;
  std::int64_t choice = 0;  // a candidate; 0 leaves the question blank
};

class Polling {
 public:
  struct Ballots {
    std::int64_t question = 0;
    std::size_t at_once = 40;
  };
  /// All outlive this.
  Polling(Cluster& cluster, const std::vector<PlayedVoter>& voters, Ballots ballots);
  /// Waits for those who are voting.
  ~Polling();

  /// Lets the voters before `count` come; the rest wait outside. From then on `linger` is how long
  /// each waits for the voices of all replicas.
  void admit(std::size_t count, std::chrono::milliseconds linger = std::chrono::milliseconds(0));
  /// Until `count` votes are acknowledged. False if one failed, or nothing moved for a minute.
  bool wait_for(std::size_t count);

  [[nodiscard]] std::size_t acknowledged() const;
  /// Votes by candidate, as acknowledged.
  [[nodiscard]] std::map<std::int64_t, std::int64_t> cast() const;
  [[nodiscard]] std::uint64_t last_seq() const;
  /// How many acknowledgements this replica's voice was part of, or spoke against.
  [[nodiscard]] std::size_t confirmed_by(unsigned replica) const;
  [[nodiscard]] std::size_t contradicted_by(unsigned replica) const;
  [[nodiscard]] std::optional<std::string> failure() const;

 private:
  void start_more();
  void start(std::size_t index, std::chrono::milliseconds linger);
  void joined(std::size_t index, Expected<Client> client);
  void voted(std::size_t index, Expected<Answer> answer);

  Cluster& cluster_;
  const std::vector<PlayedVoter>& voters_;
  Ballots ballots_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t next_ = 0;
  std::size_t admitted_ = 0;
  std::size_t voting_ = 0;
  std::size_t acknowledged_ = 0;
  std::uint64_t last_seq_ = 0;
  std::chrono::milliseconds linger_{0};
  std::map<std::int64_t, std::int64_t> cast_;
  std::map<unsigned, std::size_t> confirmed_;
  std::map<unsigned, std::size_t> contradicted_;
  std::optional<std::string> failure_;
};

}  // namespace prytany::cli
