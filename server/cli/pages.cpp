// prytany pages: the application's pages, as f+1 replicas have them, into a folder.
#include "server/cli/pages.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "clientlib/cluster_impl.h"
#include "server/cli/client_access.h"
#include "server/cli/client_commands.h"
#include "server/cli/files.h"
#include "server/cli/http_get.h"
#include "server/crypto/digest.h"
#include "server/wire/json_writer.h"

namespace prytany::cli {
namespace {

namespace fs = std::filesystem;

struct PagesOptions {
  ClientOptions client;
  std::string out;
};

/// As the application's own paths are: parts of plain characters that do not begin with a dot.
bool stays_inside(const std::string& path) {
  if (path.empty()) return false;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    if (end == at || path[at] == '.') return false;
    at = end + 1;
  }
  return path.find('\\') == std::string::npos && path.find('\0') == std::string::npos;
}

/// By https where genesis says wss, checked as those connections are.
std::vector<Served> ask_everybody(const wire::Genesis& genesis,
                                  const std::shared_ptr<const crypto::TlsTrust>& trust,
                                  const std::string& path, std::uint64_t timeout_us) {
  std::vector<Served> served;
  for (const wire::Member& member : genesis.members) {
    const auto address = wire::client_address_from(member.client_url.text);
    ENSURE(address);  // reading genesis checked it
    const bool secure = member.client_url.text.starts_with("wss");
    served.push_back(http_get(*address, "/" + path, timeout_us, secure ? trust : nullptr));
  }
  return served;
}

Status write(const fs::path& out, const std::vector<JudgedPage>& pages,
             const std::string& genesis) {
  const auto put = [&](const std::string& name, const std::string& text) -> Status {
    const fs::path file = out / name;
    std::error_code failed;
    fs::create_directories(file.parent_path(), failed);
    if (failed) return usage_failure("cannot make " + file.parent_path().string());
    if (auto written = write_new_file(file.string(), text, 0644); !written)
      return usage_failure(written.error().message);
    return {};
  };
  std::string sums;
  for (const JudgedPage& judged : pages) {
    if (judged.page.path == "SHA256SUMS") continue;  // here it is ours
    if (auto put_page = put(judged.page.path, *judged.content); !put_page) return put_page;
    sums += judged.page.sha256 + "  " + judged.page.path + "\n";
  }
  // The caller's own, so that the pages know their cluster wherever they are hosted.
  if (auto put_genesis = put("genesis.json", genesis); !put_genesis) return put_genesis;
  sums += crypto::sha256(as_bytes(genesis)).hex() + "  genesis.json\n";
  return put("SHA256SUMS", sums);
}

void json_list(wire::JsonWriter& writer, const char* key, const std::vector<unsigned>& ids) {
  writer.key(key).begin_array();
  for (const unsigned id : ids) writer.small(id);
  writer.end_array();
}

std::string report_json(const PagesOptions& options, const Cluster& cluster,
                        const Agreement& listing, const std::vector<JudgedPage>& pages) {
  wire::JsonWriter writer;
  writer.begin_object().key("out").text(options.out);
  writer.key("fingerprint").text(cluster.fingerprint()).key("listing").begin_object();
  json_list(writer, "agreed", listing.agreed);
  json_list(writer, "differed", listing.differed);
  json_list(writer, "silent", listing.silent);
  writer.end_object().key("pages").begin_array();
  for (const JudgedPage& judged : pages) {
    writer.begin_object().key("path").text(judged.page.path);
    writer.key("sha256").text(judged.page.sha256);
    json_list(writer, "agreed", judged.agreed);
    json_list(writer, "differed", judged.differed);
    json_list(writer, "silent", judged.silent);
    writer.end_object();
  }
  writer.end_array().end_object();
  return std::move(writer).take();
}

void report(const PagesOptions& options, const Cluster& cluster, const Agreement& listing,
            const std::vector<JudgedPage>& pages) {
  std::printf("cluster %s\n", cluster.fingerprint().c_str());
  for (const JudgedPage& judged : pages) {
    std::printf("%s  %s\n", judged.page.sha256.c_str(), judged.page.path.c_str());
  }
  std::printf("\n%zu page%s written to %s; %s\n", pages.size(), pages.size() == 1 ? "" : "s",
              options.out.c_str(), describe(listing).c_str());
  for (const unsigned id : listing.differed)
    std::fprintf(stderr, "replica %u lists other pages than the others: not used\n", id);
  for (const auto& [id, count] : contradicted(pages)) {
    std::fprintf(stderr, "replica %u serves %zu page%s that the others contradict: not written\n",
                 id, count, count == 1 ? "" : "s");
  }
}

/// Nothing is written unless every page is at hand as it is listed.
Status run_pages(const PagesOptions& options, bool json) {
  std::error_code ignored;
  if (fs::exists(options.out, ignored) && !fs::is_empty(options.out, ignored))
    return usage_failure(options.out + " exists and is not empty");
  auto cluster = open_cluster(options.client);
  if (!cluster) return cluster.error();
  const auto timeout = std::chrono::seconds(options.client.timeout_s);
  const auto listing = attempt([&] { return cluster->read("prytany_pages", {}, timeout); });
  if (!listing) return listing.error();
  const auto listed = attempt([&] { return listed_pages(*listing); });
  if (!listed) return listed.error();
  if (!*listed) return failure("bad_listing", listed->error());
  const auto& access = ClientAccess::of(*cluster);
  const auto each = std::chrono::microseconds(std::min(timeout, std::chrono::seconds(5)));
  std::vector<JudgedPage> pages;
  for (const ListedPage& page : **listed) {
    const auto served = ask_everybody(access.genesis, access.trust, page.path,
                                      static_cast<std::uint64_t>(each.count()));
    pages.push_back(judge(page, served));
    if (pages.back().content) continue;
    std::string why;
    for (std::size_t id = 0; id < served.size(); ++id) {
      why += "; replica " + std::to_string(id) + ": " +
             (served[id] ? "serves another page" : served[id].error().message);
    }
    return Failure{ExitCode::no_quorum, "no_page",
                   "nobody serves " + page.path + " as it is listed" + why};
  }
  const auto text = read_file(options.client.cluster);
  if (!text) return usage_failure(text.error().message);
  if (auto written = write(options.out, pages, *text); !written) return written;
  if (json) {
    std::printf("%s\n", report_json(options, *cluster, listing->agreement, pages).c_str());
  } else {
    report(options, *cluster, listing->agreement, pages);
  }
  return {};
}

}  // namespace

Result<std::vector<ListedPage>> listed_pages(const Answer& listing) {
  std::vector<ListedPage> pages;
  if (listing.columns != std::vector<std::string>{"path", "media_type", "bytes", "sha256"})
    return Error{"the answer of prytany_pages is not a listing of pages"};
  for (const Row& row : listing.rows) {
    ListedPage page{row.at(0).as<std::string>(), row.at(3).as<std::string>()};
    if (page.path == "genesis.json" || page.path == "status") continue;
    if (!stays_inside(page.path)) return Error{"a page has the path \"" + page.path + "\""};
    pages.push_back(std::move(page));
  }
  return pages;
}

JudgedPage judge(const ListedPage& page, const std::vector<Served>& served) {
  JudgedPage judged{page, std::nullopt, {}, {}, {}};
  for (unsigned id = 0; id < served.size(); ++id) {
    if (!served[id]) {
      judged.silent.push_back(id);
    } else if (crypto::sha256(as_bytes(*served[id])).hex() != page.sha256) {
      judged.differed.push_back(id);
    } else {
      judged.agreed.push_back(id);
      judged.content = *served[id];
    }
  }
  return judged;
}

std::map<unsigned, std::size_t> contradicted(const std::vector<JudgedPage>& pages) {
  std::map<unsigned, std::size_t> counts;
  for (const JudgedPage& judged : pages) {
    for (const unsigned id : judged.differed) ++counts[id];
  }
  return counts;
}

void add_pages(arguments::Command app, Chosen& chosen) {
  auto options = std::make_shared<PagesOptions>();
  arguments::Command command = app.add_command(
      "pages", "Fetch the application's pages as f+1 replicas have them, for hosting elsewhere");
  add_cluster_options(command, options->client);
  command.add_option("--out", options->out, "Folder to write them to: new, or empty").required();
  add_json_flag(command, chosen);
  command.when_chosen([&chosen, options] {
    chosen.run = [options, &chosen] { return run_pages(*options, chosen.json); };
  });
}

}  // namespace prytany::cli
