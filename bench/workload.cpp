#include "bench/workload.h"

#include <map>

#include "bench/workload_parts.h"

namespace prytany::bench {
namespace {

using Make = std::function<Result<Workload>(const std::string&, const WorkloadOptions&)>;

/// The table of bench/README.md.
const std::map<std::string, Make>& workload_table() {
  static const auto null_of = [](std::size_t request, std::size_t reply) {
    return [=](const std::string& name, const WorkloadOptions&) {
      return null_workload(name, request, reply);
    };
  };
  static const auto mix_of = [](unsigned percent) {
    return [=](const std::string& name, const WorkloadOptions& options) {
      return readmix_workload(name, percent, options);
    };
  };
  static const auto result_of_bytes = [](std::size_t bytes) {
    return [=](const std::string& name, const WorkloadOptions& options) {
      return bigresult_workload(name, bytes, options);
    };
  };
  static const auto ycsb_of = [](char letter) {
    return [=](const std::string&, const WorkloadOptions& options) {
      return ycsb_workload(letter, options);
    };
  };
  static const auto tpcb_of = [](std::uint64_t scale) {
    return [=](const std::string& name, const WorkloadOptions& options) {
      return tpcb_workload(name, scale, options);
    };
  };
  static const std::map<std::string, Make> table = {
      {"null",
       [](const std::string& name, const WorkloadOptions& options) {
         return null_workload(name, options.size, options.reply_size.value_or(options.size));
       }},
      {"null-0/0", null_of(0, 0)},
      {"null-4k/0", null_of(4096, 0)},
      {"null-0/4k", null_of(0, 4096)},
      {"null-1k/1k", null_of(1024, 1024)},
      {"insert1", [](const std::string&, const WorkloadOptions& o) { return insert1_workload(o); }},
      {"kv256", kv_workload},
      {"kv256-get", kv_workload},
      {"readmix-0", mix_of(0)},
      {"readmix-50", mix_of(50)},
      {"readmix-95", mix_of(95)},
      {"readmix-100", mix_of(100)},
      {"bigresult-4k", result_of_bytes(4096)},
      {"bigresult-64k", result_of_bytes(65'536)},
      {"bigresult-1m", result_of_bytes(1'000'000)},
      {"ycsb-a", ycsb_of('a')},
      {"ycsb-b", ycsb_of('b')},
      {"ycsb-c", ycsb_of('c')},
      {"ycsb-f", ycsb_of('f')},
      {"tpcb", tpcb_of(1)},
      {"tpcb-10", tpcb_of(10)},
      {"smallbank",
       [](const std::string&, const WorkloadOptions& o) { return smallbank_workload(o); }},
  };
  return table;
}

}  // namespace

std::vector<std::string> workload_names() {
  std::vector<std::string> names;
  for (const auto& [name, make] : workload_table()) names.push_back(name);
  return names;
}

Result<Workload> make_workload(const std::string& name, const WorkloadOptions& options) {
  if (options.records && (*options.records < 2 || *options.records > 10'000'000))
    return Error{"--records is from 2 to 10,000,000"};
  const auto found = workload_table().find(name);
  if (found != workload_table().end()) return found->second(name, options);
  std::string names;
  for (const std::string& known : workload_names()) names += (names.empty() ? "" : ", ") + known;
  return Error{"no workload \"" + name + "\"; there are: " + names};
}

}  // namespace prytany::bench
