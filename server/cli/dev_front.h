// What `prytany dev` serves by itself, on a port of its own: the application's pages as f+1
// replicas have them, and /dev/replicas, by which a page can offer buttons that kill a replica or
// make it lie. Replicas know nothing of it: outside `dev` there is nothing to switch on.
//
// Other pages in the same browser must not reach these buttons. Hence: Host must be ours (a name
// that somebody's DNS makes point here is not); the token that only the printed URL holds must have
// come back as a cookie; and what changes something must come with our own Origin.
#pragma once

#include <cstdint>
#include <string>

#include "server/cli/http_server.h"
#include "server/cli/local_cluster.h"

namespace prytany::cli {

class DevFront {
 public:
  struct Setting {
    std::uint16_t port = 0;
    std::string token;         // no one else can guess it
    std::string genesis_json;  // of the cluster's folder, not of a replica
  };
  /// `cluster` outlives this.
  DevFront(LocalCluster& cluster, Setting setting);

  HttpReply answer(const HttpRequest& request);

  /// Where people begin: holds the token.
  [[nodiscard]] std::string url() const;
  /// Of pages served here, under either name of this machine.
  static std::vector<std::string> origins(std::uint16_t port);

 private:
  [[nodiscard]] bool knows_token(const HttpRequest& request) const;
  [[nodiscard]] HttpReply page(const HttpRequest& request) const;
  HttpReply control(const HttpRequest& request);
  Result<void> act(unsigned id, const std::string& what, const std::string& query);
  [[nodiscard]] HttpReply replicas() const;

  LocalCluster& cluster_;
  Setting setting_;
};

/// "tally,receipt" -> the options of prytany-liar; the Error names the word that is none.
Result<std::vector<std::string>> lies_from(const std::string& words);

}  // namespace prytany::cli
