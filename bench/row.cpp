#include "bench/row.h"

#include <array>
#include <cstdio>

namespace prytany::bench {
namespace {

std::string number(double value, int decimals) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

/// `absent` stands where nothing was measured.
std::string for_each_operation(const Row& row, const std::optional<double>& all, int decimals,
                               const char* absent) {
  return all ? number(row.per_operation(*all), decimals) : absent;
}

std::string padded(const std::string& text, std::size_t width, bool left) {
  const std::string blanks(text.size() < width ? width - text.size() : 0, ' ');
  return left ? text + blanks : blanks + text;
}

/// "64x1", and of an open loop "64x1 @ 5000".
std::string load_of(const Row& row) {
  std::string load = std::to_string(row.clients) + "x" + std::to_string(row.depth);
  if (row.rate > 0) load += " @ " + number(row.rate, 0) + (row.saturated() ? "!" : "");
  return load;
}

/// Of each replica.
std::string replicas_cpu_json(const Row& row) {
  std::string each;
  for (const double us : row.replica_cpu_us)
    each += (each.empty() ? "" : ",") + number(row.per_operation(us), 2);
  return each.empty() ? "null" : "[" + each + "]";
}

/// The members that only a row with a fault has.
std::string fault_json(const Row& row) {
  std::string bins;
  for (const std::uint32_t count : row.timeline.bins())
    bins += (bins.empty() ? "" : ",") + std::to_string(count);
  return "\"fault\":\"" + row.fault + "\",\"bins_100ms\":[" + bins +
         "],\"gap_ms\":" + number(static_cast<double>(row.timeline.gap_us()) / 1e3, 1) +
         ",\"caught_up_ms\":" + (row.caught_up_ms ? number(*row.caught_up_ms, 1) : "null");
}

}  // namespace

bool Row::saturated() const {
  constexpr double answered_share_min = 0.99;
  constexpr std::uint64_t lag_p99_max_us = 100;
  constexpr double generator_share_max = 0.7;  // of one processor
  if (rate <= 0) return false;
  return static_cast<double>(operations) < answered_share_min * static_cast<double>(due) ||
         lag.percentile(0.99) >= lag_p99_max_us ||
         client_cpu_us.value_or(0) >= generator_share_max * seconds * 1e6;
}

std::string to_json(const Row& row) {
  std::string out = "{\"workload\":\"" + row.workload + "\"";
  const auto field = [&](const char* name, const std::string& value) {
    out += std::string(",\"") + name + "\":" + value;
  };
  field("replicas", std::to_string(row.replicas));
  field("faults", std::to_string(row.faults));
  field("clients", std::to_string(row.clients));
  field("depth", std::to_string(row.depth));
  field("connections", "\"" + row.connections + "\"");
  field("durability", "\"" + row.durability + "\"");
  field("guarantee", "\"" + row.guarantee + "\"");
  if (row.delay_ms > 0) field("delay_ms", std::to_string(row.delay_ms));
  field("static_clients", row.static_clients ? "true" : "false");
  field("size", std::to_string(row.size));
  field("seconds", number(row.seconds, 3));
  field("operations", std::to_string(row.operations));
  field("throughput_per_s", number(row.throughput(), 1));
  const auto percentile = [&](double share) {
    return std::to_string(row.latency.percentile(share));
  };
  field("latency_us", "{\"p50\":" + percentile(0.5) + ",\"p90\":" + percentile(0.9) +
                          ",\"p99\":" + percentile(0.99) + ",\"p999\":" + percentile(0.999) +
                          ",\"max\":" + std::to_string(row.latency.max()) + "}");
  field("server_cpu_us_per_op", for_each_operation(row, row.server_cpu_us, 2, "null"));
  field("client_cpu_us_per_op", for_each_operation(row, row.client_cpu_us, 2, "null"));
  field("replica_cpu_us_per_op", replicas_cpu_json(row));
  std::string counts;
  for (const auto& [name, count] : row.counts)
    counts +=
        (counts.empty() ? "\"" : ",\"") + name + "\":" + for_each_operation(row, count, 3, "null");
  field("per_op", "{" + counts + "}");
  if (row.rate > 0) {
    field("rate_per_s", number(row.rate, 1));
    field("refused", std::to_string(row.refused));
    field("lag_us", "{\"p50\":" + std::to_string(row.lag.percentile(0.5)) +
                        ",\"p99\":" + std::to_string(row.lag.percentile(0.99)) + "}");
    field("saturated", row.saturated() ? "true" : "false");
  }
  if (!row.fault.empty()) out += "," + fault_json(row);
  field("errors", std::to_string(row.errors));
  field("checks", std::to_string(row.checks));
  return out + "}";
}

std::string table(const std::vector<Row>& rows) {
  std::string out = padded("workload", 34, true) + padded("clients", 16, false) +
                    padded("conns", 7, false) + padded("durability", 12, false) +
                    padded("per s", 10, false) + padded("p50 us", 9, false) +
                    padded("p99 us", 9, false) + padded("server us/op", 14, false) +
                    padded("client us/op", 14, false) + padded("errors", 8, false) + "\n";
  for (const Row& row : rows) {
    std::string name = row.workload;
    if (!row.fault.empty())
      name += ", " + row.fault + ": gap " + std::to_string(row.timeline.gap_us() / 1000) + " ms";
    out += padded(name, 34, true);
    out += padded(load_of(row), 16, false);
    out += padded(row.connections, 7, false);
    out += padded(row.durability, 12, false) + padded(number(row.throughput(), 0), 10, false);
    out += padded(std::to_string(row.latency.percentile(0.5)), 9, false);
    out += padded(std::to_string(row.latency.percentile(0.99)), 9, false);
    out += padded(for_each_operation(row, row.server_cpu_us, 1, "-"), 14, false);
    out += padded(for_each_operation(row, row.client_cpu_us, 1, "-"), 14, false);
    out += padded(std::to_string(row.errors), 8, false) + "\n";
  }
  return out;
}

}  // namespace prytany::bench
