// Keys and values: what etcd's `benchmark put` does, and point reads among writes.
#include <array>
#include <cstdio>

#include "bench/workload_parts.h"

namespace prytany::bench {
namespace {

constexpr std::uint64_t kv_records = 100'000;
constexpr std::size_t kv_value_bytes = 256;
constexpr std::size_t point_bytes = 100;

std::string digits(std::uint64_t value, int width) {
  std::array<char, 128> text{};
  std::snprintf(text.data(), text.size(), "%0*llu", width, static_cast<unsigned long long>(value));
  return text.data();
}

/// The only text of the only row; nullptr if it is anything else.
const std::string* only_text(const wire::Outcome& outcome) {
  const wire::ResultSet* result = result_of(outcome);
  if (result == nullptr || result->rows.items.size() != 1) return nullptr;
  const auto& values = result->rows.items[0].items;
  const auto* text = values.size() == 1 ? std::get_if<wire::TextValue>(values.data()) : nullptr;
  return text == nullptr ? nullptr : &text->text;
}

Judged judge_text(const wire::Outcome& outcome, const std::string& expected) {
  const std::string* text = only_text(outcome);
  return text != nullptr && *text == expected ? Judged{} : Judged{described(outcome)};
}

/// Eight digits and as many copies of them as fill the value.
std::string value_of_key(std::uint64_t key) {
  std::string value;
  while (value.size() < kv_value_bytes) value += digits(key, 8);
  return value;
}

}  // namespace

Result<Workload> kv_workload(const std::string& name, const WorkloadOptions& options) {
  const std::uint64_t records = options.records.value_or(kv_records);
  const bool gets = name == "kv256-get";
  Workload workload;
  workload.name = name;
  workload.application = application_of(
      {{"schema/001_kv.sql",
        "CREATE TABLE kv(key TEXT PRIMARY KEY, value TEXT NOT NULL, writes INTEGER NOT NULL) "
        "WITHOUT ROWID;"},
       {"procedures/put.sql",
        "-- @param key text(8)\n-- @param value text(256)\n-- @roles client\n"
        "INSERT INTO kv VALUES(:key, :value, 1)\n"
        "ON CONFLICT(key) DO UPDATE SET value = excluded.value, writes = writes + 1;\n"},
       {"procedures/get.sql",
        "-- @param key text(8)\n-- @roles client\n-- @read-only\n"
        "SELECT value FROM kv WHERE key = :key;\n"}});
  if (gets)
    workload.setup = in_stretches(
        std::string(with_numbers) +
            "INSERT INTO kv SELECT printf('%08d', i), replace(printf('%032d', 0), '0', "
            "printf('%08d', i)), 0 FROM n",
        records, 1000);
  const std::uint64_t seed = options.seed;
  const bool fast = !options.ordered_reads;
  workload.next = [=](unsigned client, std::uint64_t n) {
    const std::uint64_t key = Dice(seed, client, n).below(records);
    const wire::Argument named = text_argument("key", digits(key, 8));
    if (gets) return Question{call_of("get", {named}), fast, key};
    return Question{call_of("put", {named, text_argument("value", value_of_key(key))}), false, key};
  };
  workload.judge = [gets](const Question& question, const wire::Outcome& outcome) {
    return gets ? judge_text(outcome, value_of_key(question.about)) : judge_change(outcome);
  };
  workload.checks = {effect_check("puts", "SELECT coalesce(sum(writes), 0) FROM kv"),
                     constant_check("values that are not their key's",
                                    "SELECT count(*) FROM kv WHERE length(value) <> 256 OR "
                                    "substr(value, 249) <> key",
                                    0)};
  return workload;
}

Result<Workload> readmix_workload(const std::string& name, unsigned reads_percent,
                                  const WorkloadOptions& options) {
  const std::uint64_t records = options.records.value_or(kv_records);
  Workload workload;
  workload.name = name;
  workload.application = application_of(
      {{"schema/001_points.sql",
        "CREATE TABLE points(id INTEGER PRIMARY KEY, value TEXT NOT NULL, writes INTEGER NOT "
        "NULL);"},
       {"procedures/point.sql",
        "-- @param id integer\n-- @roles client\n-- @read-only\n"
        "SELECT value FROM points WHERE id = :id;\n"},
       {"procedures/touch.sql",
        "-- @param id integer\n-- @roles client\n"
        "UPDATE points SET writes = writes + 1 WHERE id = :id;\n"}});
  workload.setup = in_stretches(
      std::string(with_numbers) + "INSERT INTO points SELECT i, printf('%0100d', i), 0 FROM n",
      records, 5000);
  const std::uint64_t seed = options.seed;
  const bool fast = !options.ordered_reads;
  workload.next = [=](unsigned client, std::uint64_t n) {
    Dice dice(seed, client, n);
    const std::uint64_t id = dice.below(records);
    const bool reads = dice.below(100) < reads_percent;
    return Question{
        call_of(reads ? "point" : "touch", {integer_argument("id", static_cast<std::int64_t>(id))}),
        reads && fast, reads ? id : records};
  };
  workload.judge = [records](const Question& question, const wire::Outcome& outcome) {
    if (question.about == records) return judge_change(outcome);
    return judge_text(outcome, digits(question.about, point_bytes));
  };
  workload.checks = {
      effect_check("writes", "SELECT sum(writes) FROM points"),
      constant_check("rows", "SELECT count(*) FROM points", static_cast<std::int64_t>(records))};
  return workload;
}

Result<Workload> bigresult_workload(const std::string& name, std::size_t bytes,
                                    const WorkloadOptions& options) {
  constexpr std::uint64_t chunks = 16;
  Workload workload;
  workload.name = name;
  workload.application =
      application_of({{"schema/001_chunks.sql",
                       "CREATE TABLE chunks(id INTEGER PRIMARY KEY, text TEXT NOT NULL);"},
                      {"procedures/chunk.sql",
                       "-- @param id integer\n-- @roles client\n-- @read-only\n"
                       "SELECT text FROM chunks WHERE id = :id;\n"}});
  workload.setup = in_stretches(std::string(with_numbers) +
                                    "INSERT INTO chunks SELECT i, printf('%08d', i) || "
                                    "hex(zeroblob(" +
                                    std::to_string((bytes - 8) / 2) + ")) FROM n",
                                chunks, 1);
  const std::uint64_t seed = options.seed;
  const bool fast = !options.ordered_reads;
  workload.next = [=](unsigned client, std::uint64_t n) {
    const std::uint64_t id = Dice(seed, client, n).below(chunks);
    return Question{call_of("chunk", {integer_argument("id", static_cast<std::int64_t>(id))}), fast,
                    id};
  };
  workload.judge = [bytes](const Question& question, const wire::Outcome& outcome) {
    const std::string* text = only_text(outcome);
    const bool right =
        text != nullptr && text->size() == bytes && text->starts_with(digits(question.about, 8));
    return right ? Judged{} : Judged{described(outcome)};
  };
  workload.checks = {constant_check(
      "chunks of the right length",
      "SELECT count(*) FROM chunks WHERE length(text) = " + std::to_string(bytes), chunks)};
  return workload;
}

}  // namespace prytany::bench
