#include "server/cli/dev_front.h"

#include <algorithm>
#include <csignal>
#include <map>
#include <set>

#include "server/cli/http_get.h"
#include "server/wire/json_writer.h"

namespace prytany::cli {
namespace {

constexpr std::uint64_t page_timeout_us = 1'000'000;
constexpr std::string_view controls_path = "/dev/replicas";

HttpReply said(unsigned status, const std::string& words) {
  return {status, "text/plain; charset=utf-8", words + "\n"};
}

/// "name=value" among parts divided by `divider`; empty if it is not there.
std::string value_in(std::string_view text, char divider, std::string_view name) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(divider), text.size());
    std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (part.starts_with(' ')) part.remove_prefix(1);
    if (part.size() > name.size() && part.starts_with(name) && part[name.size()] == '=')
      return std::string(part.substr(name.size() + 1));
  }
  return {};
}

/// Cookies do not know ports: two `prytany dev` on one machine must not take each other's.
std::string cookie_name(std::uint16_t port) { return "prytany_dev_" + std::to_string(port); }

}  // namespace

Result<std::vector<std::string>> lies_from(const std::string& words) {
  static const std::set<std::string> known = {"tally", "receipt", "refusal", "join",   "token",
                                              "ended", "status",  "pages",   "silence"};
  std::vector<std::string> options;
  for (std::size_t at = 0; at <= words.size();) {
    const std::size_t end = std::min(words.find(',', at), words.size());
    const std::string word = words.substr(at, end - at);
    if (!known.contains(word)) return Error{"'" + word + "' is no lie that prytany-liar tells"};
    options.push_back("--lie=" + word);
    at = end + 1;
  }
  return options;
}

DevFront::DevFront(LocalCluster& cluster, Setting setting)
    : cluster_(cluster), setting_(std::move(setting)) {}

std::string DevFront::url() const {
  return "http://127.0.0.1:" + std::to_string(setting_.port) + "/?dev=" + setting_.token;
}

std::vector<std::string> DevFront::origins(std::uint16_t port) {
  const std::string end = ":" + std::to_string(port);
  return {"http://127.0.0.1" + end, "http://localhost" + end};
}

bool DevFront::knows_token(const HttpRequest& request) const {
  return value_in(request.header("cookie"), ';', cookie_name(setting_.port)) == setting_.token ||
         request.header("x-prytany-dev") == setting_.token;
}

HttpReply DevFront::answer(const HttpRequest& request) {
  const auto ours = origins(setting_.port);
  if (std::ranges::find(ours, "http://" + request.header("host")) == ours.end())
    return said(403, "ask for " + ours[0] + ", not for another name of this machine");
  if (request.path.starts_with("/dev/")) return control(request);
  if (request.method != "GET" && request.method != "HEAD")
    return said(405, "pages are read with GET");
  if (value_in(request.query, '&', "dev") == setting_.token) {
    HttpReply reply = said(303, "go on without the token in the address");
    // "//name" would be another host's.
    reply.headers = {{"location", request.path.starts_with("//") ? "/" : request.path},
                     {"set-cookie", cookie_name(setting_.port) + "=" + setting_.token +
                                        "; Path=/dev; HttpOnly; SameSite=Strict"}};
    return reply;
  }
  if (request.path == "/genesis.json") return {200, "application/json", setting_.genesis_json};
  return page(request);
}

/// As f+1 replicas serve it: one that lies about its pages deceives nobody here.
HttpReply DevFront::page(const HttpRequest& request) const {
  std::map<std::string, unsigned> voices;
  unsigned missing = 0;
  std::string last;
  for (unsigned id = 0; id < cluster_.size(); ++id) {
    if (!cluster_.running(id)) continue;
    const auto address =
        wire::client_address_from(cluster_.genesis().members.items[id].client_url.text);
    const auto page = http_page(*address, request.path, page_timeout_us);
    if (!page) {
      last = page.error().message;
      if (last.find("404") != std::string::npos && ++missing > cluster_.genesis().faults)
        return said(404, "no such page");
      continue;
    }
    if (++voices[page->media_type + "\n" + page->body] > cluster_.genesis().faults)
      return {200, page->media_type, page->body};
  }
  return said(503, "fewer than f+1 replicas serve this page alike" +
                       (last.empty() ? std::string() : " (" + last + ")"));
}

HttpReply DevFront::control(const HttpRequest& request) {
  // As if it were not there: pages ask, and show no buttons where there is nothing to press.
  if (!knows_token(request) || !request.path.starts_with(controls_path))
    return said(404, "no such page");
  const std::string rest = request.path.substr(controls_path.size());
  if (rest.empty()) {
    if (request.method != "GET") return said(405, "ask with GET");
    return replicas();
  }
  if (request.method != "POST") return said(405, "what changes something is a POST");
  if (request.header("origin") != "http://" + request.header("host"))
    return said(403, "only the page that is served here may do this");
  const std::size_t slash = rest.find('/', 1);
  if (slash == std::string::npos)
    return said(404, "POST " + std::string(controls_path) + "/I/kill");
  const std::string number = rest.substr(1, slash - 1);
  const bool digits = !number.empty() && number.size() < 4 &&
                      std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || std::stoul(number) >= cluster_.size()) return said(404, "no such replica");
  const auto done =
      act(static_cast<unsigned>(std::stoul(number)), rest.substr(slash + 1), request.query);
  if (!done) return said(409, done.error().message);
  return replicas();
}

Result<void> DevFront::act(unsigned id, const std::string& what, const std::string& query) {
  if (what == "kill") {
    cluster_.signal(id, SIGKILL);
    return {};
  }
  if (what == "start") return cluster_.start(id);
  if (what == "stop_lying" || what == "truth") {
    if (cluster_.lying(id)) cluster_.signal(id, SIGTERM);
    return cluster_.start(id);
  }
  if (what != "lie") return Error{"'" + what + "' is none of kill, start, lie, stop_lying"};
  if (!cluster_.can_lie())
    return Error{"prytany-liar is not there: it is built with the tests, and never installed"};
  const std::string words = value_in(query, '&', "lies");
  const auto lies = lies_from(words.empty() ? "tally,receipt" : words);
  if (!lies) return lies.error();
  cluster_.signal(id, SIGTERM);
  return cluster_.start_lying(id, *lies);
}

HttpReply DevFront::replicas() const {
  wire::JsonWriter writer;
  writer.begin_object().key("faults").small(cluster_.genesis().faults);
  writer.key("can_lie").boolean(cluster_.can_lie()).key("replicas").begin_array();
  for (unsigned id = 0; id < cluster_.size(); ++id) {
    const bool running = cluster_.running(id);
    const bool lying = cluster_.lying(id);
    writer.begin_object().key("id").small(id).key("running").boolean(running);
    writer.key("lying").boolean(lying);
    writer.key("state").word(lying ? "lying" : running ? "running" : "stopped");
    // What may be done to it now: a page has a button for each.
    writer.key("actions").begin_array().word(running ? "kill" : "start");
    if (lying) writer.word("stop_lying");
    if (running && !lying && cluster_.can_lie()) writer.word("lie");
    writer.end_array().end_object();
  }
  writer.end_array().end_object();
  return {200, "application/json", std::move(writer).take() + "\n"};
}

}  // namespace prytany::cli
