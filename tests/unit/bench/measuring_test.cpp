// The measuring itself: percentiles, rows, and the floor.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "bench/allocations.h"
#include "bench/cpu.h"
#include "bench/floor.h"
#include "bench/histogram.h"
#include "bench/row.h"
#include "bench/syscalls.h"
#include "bench/tcp_usage.h"
#include "bench/workload.h"
#include "clientlib/fits.h"

namespace prytany::bench {
namespace {

TEST(LatencyHistogram, gives_percentiles_to_three_digits) {
  Histogram histogram;
  for (std::uint64_t us = 1; us <= 100'000; ++us) histogram.record(us);
  const auto near = [](std::uint64_t value, double expected) {
    return static_cast<double>(value) >= expected &&
           static_cast<double>(value) <= expected * 1.001 + 1;
  };
  EXPECT_TRUE(near(histogram.percentile(0.5), 50'000)) << histogram.percentile(0.5);
  EXPECT_TRUE(near(histogram.percentile(0.99), 99'000));
  EXPECT_TRUE(near(histogram.percentile(0.999), 99'900));
  EXPECT_EQ(histogram.percentile(1.0), 100'000U);
  EXPECT_EQ(histogram.max(), 100'000U);
  EXPECT_EQ(histogram.count(), 100'000U);
}

TEST(LatencyHistogram, is_exact_for_small_values_and_one_value) {
  for (const std::uint64_t us : {0U, 1U, 5U, 2047U}) {
    Histogram histogram;
    histogram.record(us);
    EXPECT_EQ(histogram.percentile(0.5), us);
    EXPECT_EQ(histogram.max(), us);
  }
  EXPECT_EQ(Histogram().percentile(0.5), 0U);
}

TEST(LatencyHistogram, every_value_lies_within_a_thousandth_of_what_is_reported) {
  for (std::uint64_t us = 1; us < Histogram::max_us; us = us * 5 / 3 + 1) {
    Histogram histogram;
    histogram.record(us);
    histogram.record(Histogram::max_us);
    const std::uint64_t reported = histogram.percentile(0.5);
    EXPECT_GE(reported, us);
    EXPECT_LE(reported, us + us / 1000);
  }
}

TEST(LatencyHistogram, counts_what_is_off_the_scale_as_a_minute_and_adds_up) {
  Histogram a;
  a.record(Histogram::max_us * 5);
  EXPECT_EQ(a.max(), Histogram::max_us);
  Histogram b;
  b.record(7);
  a.add(b);
  EXPECT_EQ(a.count(), 2U);
  EXPECT_EQ(a.percentile(0.5), 7U);
}

TEST(BenchRow, is_one_json_object_with_the_agreed_fields) {
  Row row;
  row.workload = "insert1";
  row.clients = 64;
  row.depth = 1;
  row.durability = "log";
  row.seconds = 2;
  row.operations = 1000;
  row.server_cpu_us = 30'000;
  row.client_cpu_us = 5'000;
  row.replica_cpu_us = {20'000, 10'000};
  row.counts = {{"syncs", 250}, {"syscalls", std::nullopt}};
  row.latency.record(10);
  const auto json = nlohmann::json::parse(to_json(row));
  EXPECT_EQ(json["workload"], "insert1");
  EXPECT_EQ(json["clients"], 64);
  EXPECT_EQ(json["depth"], 1);
  EXPECT_EQ(json["durability"], "log");
  EXPECT_EQ(json["throughput_per_s"], 500.0);
  EXPECT_EQ(json["server_cpu_us_per_op"], 30.0);
  EXPECT_EQ(json["client_cpu_us_per_op"], 5.0);
  EXPECT_EQ(json["errors"], 0);
  EXPECT_EQ(json["replica_cpu_us_per_op"], nlohmann::json({20.0, 10.0}));
  EXPECT_EQ(json["per_op"]["syncs"], 0.25);
  EXPECT_EQ(json["per_op"]["syscalls"], nullptr) << "what was not measured is not 0";
  EXPECT_FALSE(json.contains("rate_per_s"));
  row.rate = 400;
  EXPECT_EQ(nlohmann::json::parse(to_json(row))["saturated"], false);
  EXPECT_NE(table({row}).find("64x1 @ 400"), std::string::npos);
  for (const char* name : {"p50", "p90", "p99", "p999", "max"})
    EXPECT_EQ(json["latency_us"][name], 10) << name;
}

TEST(BenchRow, does_not_say_0_of_what_nobody_measured) {
  Row row;
  row.fault = "kill-primary";
  row.operations = 10;
  const auto unknown = nlohmann::json::parse(to_json(row));
  for (const char* name :
       {"server_cpu_us_per_op", "client_cpu_us_per_op", "replica_cpu_us_per_op"}) {
    ASSERT_TRUE(unknown.contains(name)) << name;
    EXPECT_EQ(unknown[name], nullptr) << name;
  }
  EXPECT_NE(table({row}).find("  -  "), std::string::npos) << table({row});
  row.server_cpu_us = 0;
  row.client_cpu_us = 120;
  const auto known = nlohmann::json::parse(to_json(row));
  EXPECT_EQ(known["server_cpu_us_per_op"], 0.0);
  EXPECT_EQ(known["client_cpu_us_per_op"], 12.0);
  EXPECT_EQ(table({row}).find("  -  "), std::string::npos) << table({row});
}

TEST(BenchWorkloads, send_what_fits_a_request_and_are_known_by_name) {
  for (const std::string& name : workload_names()) {
    const auto workload = make_workload(name, {});
    ASSERT_TRUE(workload.ok());
    EXPECT_TRUE(client::fits(wire::Operation{workload->application})) << name;
    for (const wire::Operation& operation : workload->setup)
      ASSERT_TRUE(client::fits(operation)) << name;
    for (std::uint64_t n = 0; n < 100; ++n)
      ASSERT_TRUE(client::fits(workload->next(0, n).operation)) << name;
    EXPECT_EQ(workload->name, name);
  }
  EXPECT_FALSE(make_workload("teleport", {}).ok());
}

TEST(BenchFloor, plain_sqlite_and_the_disk_are_really_measured) {
  std::string folder = std::filesystem::temp_directory_path() / "prytany-floor-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  for (const Floor floor : all_floors) {
    const auto row = measure_floor(floor, folder, 100, 0.05);
    ASSERT_TRUE(row.ok());
    EXPECT_GT(row->operations, 0U) << row->workload;
    EXPECT_EQ(row->errors, 0U) << row->workload;
    EXPECT_EQ(row->latency.count(), row->operations);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  std::filesystem::remove(folder);
}

TEST(BenchCpu, of_a_process_is_read_from_the_kernel) {
  const auto used = cpu_us_of(::getpid());
  ASSERT_TRUE(used.ok());
  EXPECT_GE(*used, 0);
  EXPECT_GT(own_cpu_us(), 0);
  // A few milliseconds of work are seen, which are less than a tick of the kernel.
  const double begin = own_cpu_us();
  while (own_cpu_us() - begin < 3'000) {
  }
  EXPECT_GE(cpu_us_of(::getpid()).value() - *used, 2'500);
  EXPECT_FALSE(cpu_us_of(-1).ok());
  EXPECT_TRUE(disk_bytes_of(::getpid()).ok());
  EXPECT_FALSE(disk_bytes_of(-1).ok());
  EXPECT_GT(waits_of(::getpid()).value() + 1, 0U);
  EXPECT_FALSE(waits_of(-1).ok());
}

/// A connection on the loopback, both ends here.
struct Pair {
  Pair() {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener, any, size), 0);
    EXPECT_EQ(::listen(listener, 1), 0);
    EXPECT_EQ(::getsockname(listener, any, &size), 0);
    port = ntohs(address.sin_port);
    near = ::socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(::connect(near, any, size), 0);
    far = ::accept(listener, nullptr, nullptr);
    ::close(listener);
  }
  ~Pair() {
    ::close(near);
    ::close(far);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  std::uint16_t port = 0;
  int near = -1;
  int far = -1;
};

TEST(BenchTcp, counts_what_connections_of_these_ports_carried_in_both_directions) {
  const Pair ours;
  const Pair others;
  const std::string bytes(1000, 'x');
  const auto carry = [&](int from, int to) {
    std::string heard(bytes.size(), ' ');
    EXPECT_EQ(::send(from, bytes.data(), bytes.size(), 0), 1000);
    EXPECT_EQ(::recv(to, heard.data(), heard.size(), MSG_WAITALL), 1000);
  };
  const TcpUsage before = tcp_usage({ours.port}).value();
  carry(ours.near, ours.far);
  carry(ours.far, ours.near);
  carry(others.near, others.far);
  const TcpUsage after = tcp_usage({ours.port}).value();
  EXPECT_EQ(after.bytes - before.bytes, 2000U);
  EXPECT_EQ(after.segments - before.segments, 2U);
  EXPECT_EQ(tcp_usage({ours.port, others.port}).value().bytes - after.bytes, 1000U);
  EXPECT_EQ(since(before, after)->bytes, 2000U);
}

TEST(BenchTcp, says_nothing_of_connections_that_ended_meanwhile) {
  TcpUsage before;
  TcpUsage after;
  before.ends = {{7, {100, 1}}, {8, {900, 2}}};
  after.ends = {{8, {950, 3}}, {9, {900, 1}}};
  after.bytes = 1850;
  before.bytes = 1000;
  EXPECT_EQ(since(before, after), std::nullopt)
      << "what 7 carried is not known, nor that it is 850";
  before.ends.erase(7);
  before.bytes = 900;
  EXPECT_EQ(since(before, after)->bytes, 950U);
}

TEST(BenchAllocations, are_what_the_library_wrote_for_that_process) {
  std::string folder = std::filesystem::temp_directory_path() / "prytany-allocations-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::uint64_t count = 0x0102030405060708;
  std::ofstream(folder + "/allocations.17", std::ios::binary)
      .write(reinterpret_cast<const char*>(&count), sizeof count);
  EXPECT_EQ(allocations_of(folder, 17).value(), count);
  EXPECT_FALSE(allocations_of(folder, 18).ok()) << "it was not asked to count";
  std::filesystem::remove_all(folder);
}

TEST(BenchSyscalls, are_the_number_that_perf_wrote) {
  EXPECT_EQ(perf_count_in("# started\n\n1234,,raw_syscalls:sys_enter,5000,100.00,,\n").value(),
            1234);
  EXPECT_FALSE(perf_count_in("<not counted>,,raw_syscalls:sys_enter,0,100.00,,\n").ok());
  EXPECT_FALSE(perf_count_in("").ok());
}

}  // namespace
}  // namespace prytany::bench
