#include "tests/sim/scaling/scaling_report.h"

#include <nlohmann/json.hpp>

#include <array>
#include <cmath>
#include <cstdio>

namespace prytany::sim {

namespace {

std::string with_digits(double value, int decimals) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

/// Three digits are enough for people, and two behind the point.
std::string readable(double value) {
  return with_digits(value, value < 10 ? 2 : value < 100 ? 1 : 0);
}

double share_of(std::uint64_t all, std::uint64_t of) {
  return of == 0 ? 0 : static_cast<double>(all) / static_cast<double>(of);
}

double rounded(double value) { return std::round(value * 1000) / 1000; }

nlohmann::ordered_json counts_json(const crypto::Counts& counts, std::uint64_t requests) {
  return {{"tags_made", rounded(share_of(counts.tags_made, requests))},
          {"tags_checked", rounded(share_of(counts.tags_checked, requests))},
          {"signatures_made", rounded(share_of(counts.signatures_made, requests))},
          {"signatures_checked", rounded(share_of(counts.signatures_checked, requests))}};
}

}  // namespace

std::uint64_t agreement_messages_expected(unsigned replicas) {
  return (std::uint64_t{2} * replicas + 1) * (replicas - 1);
}

std::string to_json(const ScalingRow& row) {
  const auto each = [&](std::uint64_t all) { return rounded(share_of(all, row.requests)); };
  nlohmann::ordered_json messages;
  for (const auto& [name, count] : row.traffic.messages())
    messages[name] = rounded(share_of(count, row.batches));
  const nlohmann::ordered_json out = {
      {"network", row.network},
      {"replicas", row.options.replicas},
      {"faults", row.faults},
      {"clients", row.options.clients},
      {"depth", row.options.load.depth},
      {"size", row.options.load.size},
      {"requests", row.requests},
      {"batches", row.batches},
      {"messages_per_batch", messages},
      {"agreement_messages_per_batch",
       rounded(share_of(row.traffic.agreement_messages(), row.batches))},
      {"expected_agreement_messages", agreement_messages_expected(row.options.replicas)},
      {"per_request",
       {{"messages", each(row.traffic.all_messages())},
        {"frames", each(row.traffic.frames())},
        {"replica_bytes", each(row.traffic.bytes_between())},
        {"busiest_link_bytes", each(row.traffic.busiest_link_bytes())},
        {"busiest_replica_bytes", each(row.traffic.busiest_replica_bytes())},
        {"client_texts", each(row.traffic.client_texts())},
        {"client_bytes", each(row.traffic.client_bytes())},
        {"replicas", counts_json(row.replicas, row.requests)},
        {"clients", counts_json(row.clients, row.requests)}}},
      {"latency_us",
       {{"p50", row.latency(0.5)}, {"p90", row.latency(0.9)}, {"p99", row.latency(0.99)}}}};
  return out.dump();
}

std::string scaling_heading() {
  return "| network | n | f | requests a batch | agreement messages a batch | (n-1)(2n+1) | "
         "messages "
         "| frames | bytes between replicas | busiest link | busiest replica | with clients "
         "| tags made, checked | signatures made, checked | p50 ms | p99 ms |\n"
         "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n";
}

std::string scaling_line(const ScalingRow& row) {
  std::string line = "|";
  const auto cell = [&](const std::string& text) { line += " " + text + " |"; };
  const auto each = [&](std::uint64_t all) { return readable(share_of(all, row.requests)); };
  cell(row.network);
  cell(std::to_string(row.options.replicas));
  cell(std::to_string(row.faults));
  cell(readable(share_of(row.requests, row.batches)));
  cell(readable(share_of(row.traffic.agreement_messages(), row.batches)));
  cell(std::to_string(agreement_messages_expected(row.options.replicas)));
  cell(each(row.traffic.all_messages()));
  cell(each(row.traffic.frames()));
  cell(each(row.traffic.bytes_between()));
  cell(each(row.traffic.busiest_link_bytes()));
  cell(each(row.traffic.busiest_replica_bytes()));
  cell(each(row.traffic.client_bytes()));
  cell(each(row.replicas.tags_made) + ", " + each(row.replicas.tags_checked));
  cell(each(row.replicas.signatures_made) + ", " + each(row.replicas.signatures_checked));
  cell(with_digits(static_cast<double>(row.latency(0.5)) / 1e3, 2));
  cell(with_digits(static_cast<double>(row.latency(0.99)) / 1e3, 2));
  return line + "\n";
}

}  // namespace prytany::sim
