// YCSB's core workloads A, B, C and F (Cooper et al., SoCC 2010): records of ten fields of 100
// bytes, scrambled Zipfian keys. One column is ours: how often the record was written.
#include <array>
#include <cstdio>

#include "bench/workload_parts.h"
#include "bench/zipf.h"

namespace prytany::bench {
namespace {

constexpr std::uint64_t ycsb_records = 100'000;
constexpr unsigned ycsb_fields = 10;
constexpr std::size_t field_bytes = 100;

/// YCSB's insertorder=ordered, zeropadding=12; which keys are popular is scrambled anyway.
std::string ycsb_key(std::uint64_t record) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "user%012llu", static_cast<unsigned long long>(record));
  return text.data();
}

std::string fields_of(const std::string& before, const std::string& after) {
  std::string list;
  for (unsigned i = 0; i < ycsb_fields; ++i) {
    if (i > 0) list += ", ";
    list.append(before).append(std::to_string(i)).append(after);
  }
  return list;
}

Files ycsb_files() {
  Files files = {{"schema/001_usertable.sql",
                  "CREATE TABLE usertable(ycsb_key TEXT PRIMARY KEY, writes INTEGER NOT NULL, " +
                      fields_of("field", " TEXT NOT NULL") + ");"}};
  const std::string read =
      "SELECT " + fields_of("field", "") + " FROM usertable WHERE ycsb_key = :key;\n";
  files.emplace_back("procedures/read.sql",
                     "-- @param key text(16)\n-- @roles client\n-- @read-only\n" + read);
  for (unsigned i = 0; i < ycsb_fields; ++i) {
    const std::string number = std::to_string(i);
    const std::string head =
        "-- @param key text(16)\n-- @param value text(100)\n-- @roles client\n";
    const std::string update = "UPDATE usertable SET field" + number +
                               " = :value, writes = writes + 1 WHERE ycsb_key = :key;\n";
    files.emplace_back("procedures/update" + number + ".sql", head + update);
    files.emplace_back("procedures/modify" + number + ".sql", head + read + update);
  }
  return files;
}

bool is_record(const wire::ResultSet& result) {
  if (result.rows.items.size() != 1) return false;
  const auto& values = result.rows.items[0].items;
  if (values.size() != ycsb_fields) return false;
  for (const wire::Value& value : values) {
    const auto* text = std::get_if<wire::TextValue>(&value);
    if (text == nullptr || text->text.size() != field_bytes) return false;
  }
  return true;
}

enum Kind : std::uint64_t { ycsb_read, ycsb_update, ycsb_modify };

Judged judge_ycsb(const Question& question, const wire::Outcome& outcome) {
  const wire::ResultSet* result = result_of(outcome);
  if (result == nullptr) return {described(outcome)};
  if (question.about != ycsb_update && !is_record(*result)) return {described(outcome)};
  return question.about == ycsb_read ? Judged{} : judge_change(outcome);
}

}  // namespace

Result<Workload> ycsb_workload(char letter, const WorkloadOptions& options) {
  const std::uint64_t records = options.records.value_or(ycsb_records);
  Workload workload;
  workload.name = std::string("ycsb-") + letter;
  workload.application = application_of(ycsb_files());
  std::string fields;
  for (unsigned i = 0; i < ycsb_fields; ++i) fields += ", hex(randomblob(50))";
  workload.setup = in_stretches(std::string(with_numbers) +
                                    "INSERT INTO usertable SELECT printf('user%012d', i), 0" +
                                    fields + " FROM n",
                                records, 500);
  const std::uint64_t reads_percent =
      letter == 'c' ? 100 : (letter == 'b' ? 95 : 50);  // a, f: half
  const Kind writes = letter == 'f' ? ycsb_modify : ycsb_update;
  const std::uint64_t seed = options.seed;
  const bool fast = !options.ordered_reads;
  workload.next = [=, keys = ScrambledZipf(records)](unsigned client, std::uint64_t n) {
    Dice dice(seed, client, n);
    const wire::Argument key = text_argument("key", ycsb_key(keys.draw(dice)));
    if (dice.below(100) < reads_percent) return Question{call_of("read", {key}), fast, ycsb_read};
    const std::string field = std::to_string(dice.below(ycsb_fields));
    const char letter_of_value = static_cast<char>('a' + dice.below(26));
    return Question{
        call_of((writes == ycsb_modify ? "modify" : "update") + field,
                {key, text_argument("value", std::string(field_bytes, letter_of_value))}),
        false, writes};
  };
  workload.judge = judge_ycsb;
  workload.checks = {effect_check("writes", "SELECT sum(writes) FROM usertable"),
                     constant_check("records", "SELECT count(*) FROM usertable",
                                    static_cast<std::int64_t>(records)),
                     // Of a million records not all, which would take more steps than one request
                     // has.
                     constant_check("records with a field that is not of 100 bytes",
                                    "SELECT count(*) FROM usertable WHERE rowid <= 100000 AND NOT "
                                    "(100 = min(" +
                                        fields_of("length(field", ")") + ") AND 100 = max(" +
                                        fields_of("length(field", ")") + "))",
                                    0)};
  return workload;
}

}  // namespace prytany::bench
