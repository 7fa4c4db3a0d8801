// null and insert1: what "On the Practicality of 'Practical' Byzantine Fault Tolerance" measures.
#include <algorithm>

#include "bench/workload_parts.h"

namespace prytany::bench {
namespace {

constexpr std::size_t basic_bytes_max = limits::request_bytes_max / 2;

Error too_large() {
  return Error{"a size is at most " + std::to_string(basic_bytes_max) + " bytes"};
}

}  // namespace

Result<Workload> null_workload(const std::string& name, std::size_t request, std::size_t reply) {
  if (std::max(request, reply) > basic_bytes_max) return too_large();
  wire::Null null;
  null.reply_bytes = static_cast<std::uint32_t>(reply);
  null.payload.bytes.resize(request);
  Workload workload;
  workload.name = name;
  workload.application = application_of({{"schema/001_entries.sql", insert1_table}});
  workload.next = [question = Question{wire::Operation{null}}](unsigned, std::uint64_t) {
    return question;
  };
  workload.judge = [reply](const Question&, const wire::Outcome& outcome) {
    const auto* answer = std::get_if<wire::NullReply>(&outcome);
    return answer != nullptr && answer->bytes.bytes.size() == reply ? Judged{{}, 1}
                                                                    : Judged{described(outcome)};
  };
  return workload;
}

Result<Workload> insert1_workload(const WorkloadOptions& options) {
  if (options.size > basic_bytes_max) return too_large();
  Workload workload;
  workload.name = "insert1";
  workload.application =
      application_of({{"procedures/insert1.sql",
                       "-- One row.\n-- @param text text\n-- @roles client\n"
                       "INSERT INTO entries(at_us, dice, text) VALUES(now(), random(), :text);\n"},
                      {"schema/001_entries.sql", insert1_table}});
  workload.next = [question = Question{call_of(
                       "insert1", {text_argument("text", std::string(options.size, 'x'))})}](
                      unsigned, std::uint64_t) { return question; };
  workload.judge = [](const Question&, const wire::Outcome& outcome) {
    return judge_change(outcome);
  };
  workload.checks = {effect_check("rows", "SELECT count(*) FROM entries"),
                     constant_check("rows without a time, a number or their text",
                                    "SELECT count(*) FROM entries WHERE at_us IS NULL OR dice IS "
                                    "NULL OR length(text) <> " +
                                        std::to_string(options.size),
                                    0)};
  return workload;
}

}  // namespace prytany::bench
