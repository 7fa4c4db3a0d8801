// Many seeds, each in a process of its own: one that ends the process is a finding, too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace prytany::sqlfuzz {

struct CampaignOptions {
  std::uint64_t first = 1;
  std::uint64_t last = 100;
  std::uint64_t minutes = 0;     // above 0: seeds from `first` on, so long
  std::uint64_t requests = 150;  // of each seed
  std::string plant;             // a planted fault, of plants()
  bool verbose = false;          // every request and what became of it
  bool json = false;             // the last line
};

/// What one seed came to. Plain, so that a process can hand it to another.
struct SeedCounts {
  std::uint64_t requests = 0;
  std::uint64_t answered = 0;  // without an error
  std::uint64_t restarts = 0;
  std::uint64_t recoveries = 0;
  std::uint64_t checkpoints = 0;
};

/// What differed after which request, in words; nothing if all replicas stayed equal.
std::optional<std::string> run_seed(std::uint64_t seed, const CampaignOptions& options,
                                    SeedCounts& counts);

/// "freed-bytes, row-order, random": faults that a run must find.
std::string plants();
bool is_plant(const std::string& name);

/// Prints each finding with the line that shows it again. True if there was none.
bool run_campaign(const CampaignOptions& options);

}  // namespace prytany::sqlfuzz
