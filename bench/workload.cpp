#include "bench/workload.h"

#include <algorithm>

namespace prytany::bench {
namespace {

wire::ApplicationFile file(const std::string& path, const std::string& text) {
  return {{path}, {to_bytes(as_bytes(text))}};
}

/// Whoever joins is a client; files in the order of their paths.
wire::Install application(std::vector<wire::ApplicationFile> more) {
  wire::Install install;
  install.files.items = std::move(more);
  install.files.items.push_back(
      file("prytany.json",
           R"({"name": "bench", "version": "1", "roles": {"client": {"authorize": "anyone"}}})"));
  std::ranges::sort(install.files.items, {}, &wire::ApplicationFile::path);
  return install;
}

Workload null_workload(const WorkloadOptions& options) {
  wire::Null null;
  null.reply_bytes = static_cast<std::uint32_t>(options.reply_size);
  null.payload.bytes.resize(options.size);
  return {"null", application({file("schema/001_entries.sql", insert1_table)}),
          [operation = wire::Operation{null}](unsigned, std::uint64_t) { return operation; }};
}

Workload insert1_workload(const WorkloadOptions& options) {
  const wire::Argument text{{"text"}, wire::TextValue{std::string(options.size, 'x')}};
  const std::string procedure =
      "-- One row.\n-- @param text text\n-- @roles client\n"
      "INSERT INTO entries(at_us, dice, text) VALUES(now(), random(), :text);\n";
  return {"insert1",
          application({file("procedures/insert1.sql", procedure),
                       file("schema/001_entries.sql", insert1_table)}),
          [operation = wire::Operation{wire::Call{{"insert1"}, {{text}}}}](
              unsigned, std::uint64_t) { return operation; }};
}

}  // namespace

std::vector<std::string> workload_names() { return {"null", "insert1"}; }

Result<Workload> make_workload(const std::string& name, const WorkloadOptions& options) {
  if (std::max(options.size, options.reply_size) > limits::request_bytes_max / 2)
    return Error{"a size is at most " + std::to_string(limits::request_bytes_max / 2) + " bytes"};
  if (name == "null") return null_workload(options);
  if (name == "insert1") return insert1_workload(options);
  std::string names;
  for (const std::string& known : workload_names()) names += (names.empty() ? "" : ", ") + known;
  return Error{"no workload \"" + name + "\"; there are: " + names};
}

}  // namespace prytany::bench
