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

std::string padded(const std::string& text, std::size_t width, bool left) {
  const std::string blanks(text.size() < width ? width - text.size() : 0, ' ');
  return left ? text + blanks : blanks + text;
}

}  // namespace

std::string to_json(const Row& row) {
  std::string out = "{\"workload\":\"" + row.workload + "\"";
  const auto field = [&](const char* name, const std::string& value) {
    out += std::string(",\"") + name + "\":" + value;
  };
  field("replicas", std::to_string(row.replicas));
  field("faults", std::to_string(row.faults));
  field("clients", std::to_string(row.clients));
  field("depth", std::to_string(row.depth));
  field("durability", "\"" + row.durability + "\"");
  field("guarantee", "\"" + row.guarantee + "\"");
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
  field("server_cpu_us_per_op", number(row.per_operation(row.server_cpu_us), 2));
  field("client_cpu_us_per_op", number(row.per_operation(row.client_cpu_us), 2));
  field("errors", std::to_string(row.errors));
  return out + "}";
}

std::string table(const std::vector<Row>& rows) {
  std::string out = padded("workload", 34, true) + padded("clients", 9, false) +
                    padded("durability", 12, false) + padded("per s", 10, false) +
                    padded("p50 us", 9, false) + padded("p99 us", 9, false) +
                    padded("server us/op", 14, false) + padded("client us/op", 14, false) +
                    padded("errors", 8, false) + "\n";
  for (const Row& row : rows) {
    out += padded(row.workload, 34, true);
    out += padded(std::to_string(row.clients) + "x" + std::to_string(row.depth), 9, false);
    out += padded(row.durability, 12, false) + padded(number(row.throughput(), 0), 10, false);
    out += padded(std::to_string(row.latency.percentile(0.5)), 9, false);
    out += padded(std::to_string(row.latency.percentile(0.99)), 9, false);
    out += padded(number(row.per_operation(row.server_cpu_us), 1), 14, false);
    out += padded(number(row.per_operation(row.client_cpu_us), 1), 14, false);
    out += padded(std::to_string(row.errors), 8, false) + "\n";
  }
  return out;
}

}  // namespace prytany::bench
