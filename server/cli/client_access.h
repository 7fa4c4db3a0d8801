// What the commands that speak to a cluster have in common: where it is, who one is, how an answer
// is printed, and which exit code an error has.
#pragma once

#include <string>
#include <vector>

#include <prytany/client.h>

#include "server/cli/command.h"
#include "server/wire/operations.h"

namespace prytany::cli {

struct ClientOptions {
  std::string cluster = "genesis.json";
  std::string fingerprint;  // what genesis must have, as people read it to each other; empty: any
  std::string key;          // a key file; empty: none
  std::string code;         // or a voter's code
  std::string certificate;  // or a file of certificates, of which the first is the key's
  std::string id_token;     // or a file of an ID token, whose nonce is the key's
  std::string authorities;  // for wss and https; empty: the system's
  unsigned timeout_s = 15;
  bool verbose = false;
};

/// --cluster, --fingerprint, --ca, --timeout.
void add_cluster_options(arguments::Command command, ClientOptions& options);
/// Those, and --key, --code, --verbose.
void add_client_options(arguments::Command command, ClientOptions& options);

/// Connects and joins. Every invocation is a session of its own: an administrator's name is drawn
/// anew, so that two commands with one key do not end each other's sessions.
Result<Client, Failure> join(const ClientOptions& options);
/// What `options` say of who one is: --key, or --code.
Result<Credential, Failure> credential_from(const ClientOptions& options);
/// The Failure if `options` name another fingerprint than this cluster's.
Status check_fingerprint(const Cluster& cluster, const ClientOptions& options);
/// Reads genesis, and refuses it if its fingerprint is another; connects when asked something.
Result<Cluster, Failure> open_cluster(const ClientOptions& options);

/// Exit code and message of what a client reports.
Failure failure_of(const ErrorInfo& error);
/// Runs `ask`, and gives back what it throws as a Failure.
template <class Ask>
auto attempt(Ask ask) -> Result<decltype(ask()), Failure> {
  try {
    return ask();
  } catch (const ClientError& error) {
    return failure_of(error.info());
  }
}

/// Sends any operation and waits for its answers.
Result<std::vector<Answer>, Failure> ask(const Client& client, wire::Operation operation);

/// {"columns","rows","changes","seq","agreed",...} in one line, without the line's end.
std::string answer_json(const Answer& answer);
/// A table for people, or what changed, and who agreed.
void print_answer(const Answer& answer, bool json);
/// Columns side by side; the second line is dashes.
void print_table(const std::vector<std::string>& columns,
                 const std::vector<std::vector<std::string>>& rows);
/// A value as people read it: NULL, numbers and text as they are, blobs as x'..'.
std::string display(const Value& value);
/// "3 of 4 replicas agree (0, 1, 3); 2 differs"
std::string describe(const Agreement& agreement);

}  // namespace prytany::cli
