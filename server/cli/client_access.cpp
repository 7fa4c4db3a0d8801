#include "server/cli/client_access.h"

#include <algorithm>
#include <cstdio>
#include <future>

#include "clientlib/cluster_impl.h"
#include "server/base/bytes.h"
#include "server/cli/files.h"
#include "server/crypto/agree.h"
#include "server/wire/json_writer.h"
#include "server/wire/plain_json.h"

namespace prytany::cli {
namespace {

constexpr auto linger = std::chrono::milliseconds(200);
// People and scripts ask once, from cold, and want to know who differs; a mute replica costs this.
constexpr auto public_linger = std::chrono::seconds(1);

std::string list_of(const std::vector<unsigned>& ids) {
  std::string text;
  for (const unsigned id : ids) text += (text.empty() ? "" : ", ") + std::to_string(id);
  return text;
}

/// Code points, which is nearly what a terminal shows.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string json_text(std::string_view text) {
  wire::JsonWriter writer;
  writer.text(text);
  return std::move(writer).take();
}

}  // namespace

void add_cluster_options(arguments::Command command, ClientOptions& options) {
  command.add_option("--cluster", options.cluster, "The cluster's genesis.json")
      .environment("PRYTANY_CLUSTER")
      .shows_default();
  command.add_option("--fingerprint", options.fingerprint,
                     "Refuse a genesis.json that has not this fingerprint; spaces do not matter");
  command
      .add_option("--ca", options.authorities,
                  "Where replicas have wss addresses: believe certificates of the authorities "
                  "in this file (PEM), and no others; without it, those of the system")
      .environment("PRYTANY_CA")
      .existing_file();
  command.add_option("--timeout", options.timeout_s, "Seconds to wait for a quorum")
      .between(1, 3600)
      .shows_default();
}

void add_client_options(arguments::Command command, ClientOptions& options) {
  add_cluster_options(command, options);
  auto key = command.add_option("--key", options.key, "File of the key to join with")
                 .environment("PRYTANY_KEY");
  command.add_option("--code", options.code, "Personal code to join with, instead of a key file")
      .excludes(key);
  auto certificate =
      command
          .add_option("--certificate", options.certificate,
                      "Certificate to join with (PEM, intermediate ones after it); --key is its")
          .existing_file()
          .needs(key);
  command
      .add_option("--id-token", options.id_token,
                  "File of an ID token to join with; its nonce is that of --key: prytany nonce")
      .existing_file()
      .needs(key)
      .excludes(certificate);
  command.add_flag("--verbose", options.verbose, "Print what happens on the connections");
}

Failure failure_of(const ErrorInfo& error) {
  Failure failure{ExitCode::failed, error.code, error.message};
  if (error.statement > 0 && !error.procedure.empty()) {
    // A migration is named by its path.
    const bool is_path = error.procedure.find('/') != std::string::npos;
    failure.place = (is_path ? error.procedure : "procedures/" + error.procedure + ".sql") +
                    ", statement " + std::to_string(error.statement);
  }
  switch (error.kind) {
    case ErrorKind::application:
      failure.of_application = true;
      failure.procedure = error.procedure;
      failure.statement = error.statement;
      break;
    case ErrorKind::refused: break;
    case ErrorKind::no_quorum: failure.exit = ExitCode::no_quorum; break;
    case ErrorKind::outcome_unknown: failure.exit = ExitCode::outcome_unknown; break;
    case ErrorKind::usage: failure.exit = ExitCode::usage; break;
  }
  return failure;
}

Status check_fingerprint(const Cluster& cluster, const ClientOptions& options) {
  const auto digits = [](std::string text) {
    std::erase(text, ' ');
    return text;
  };
  const std::string expected = digits(options.fingerprint);
  if (expected.empty() || digits(cluster.fingerprint()) == expected) return {};
  return Failure{ExitCode::usage, "wrong_fingerprint",
                 options.cluster + " has the fingerprint " + cluster.fingerprint() +
                     ", not the expected one: it is another cluster's, or forged"};
}

Result<Cluster, Failure> open_cluster(const ClientOptions& options) {
  auto cluster =
      attempt([&] { return Cluster(options.cluster, public_linger, options.authorities); });
  if (!cluster) return cluster;
  if (const Status good = check_fingerprint(*cluster, options); !good) return good.error();
  return cluster;
}

Result<Credential, Failure> credential_from(const ClientOptions& options) {
  if (options.key.empty() && options.code.empty())
    return usage_failure("give --key FILE (an administrator's is admin.key) or --code CODE");
  if (!options.certificate.empty())
    return Credential::certificate(options.certificate, options.key);
  if (!options.id_token.empty()) {
    auto token = read_file(options.id_token);
    if (!token) return usage_failure(token.error().message);
    return Credential::id_token([text = std::move(*token)](const std::string&) { return text; },
                                options.key);
  }
  return options.key.empty() ? Credential::code(options.code) : Credential::file(options.key);
}

Result<Client, Failure> join(const ClientOptions& options) {
  const auto credential = credential_from(options);
  if (!credential) return credential.error();
  Options client;
  client.credential = *credential;
  client.name = "cli-" + to_hex(crypto::random_array<6>());
  client.timeout = std::chrono::seconds(options.timeout_s);
  client.linger = linger;
  if (options.verbose)
    client.log = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
  auto cluster = open_cluster(options);
  if (!cluster) return cluster.error();
  return attempt([&] { return Client(*cluster, client); });
}

Result<std::vector<Answer>, Failure> ask(const Client& client, wire::Operation operation) {
  return attempt([&] {
    return client::answers_of(ClientAccess::of(client).ask(std::move(operation))).value();
  });
}

// ---- printing -------------------------------------------------------------------------------

std::string answer_json(const Answer& answer) {
  std::string out = "{\"columns\":[";
  for (std::size_t i = 0; i < answer.columns.size(); ++i)
    out += (i == 0 ? "" : ",") + json_text(answer.columns[i]);
  out += "],\"rows\":[";
  for (std::size_t r = 0; r < answer.rows.size(); ++r) {
    out += r == 0 ? "[" : ",[";
    for (std::size_t c = 0; c < answer.rows[r].size(); ++c)
      out += (c == 0 ? "" : ",") + wire::plain_json(client::to_wire(answer.rows[r][c]));
    out += "]";
  }
  out += "],\"changes\":" + std::to_string(answer.changes);
  out += ",\"seq\":" + std::to_string(answer.seq);
  out += ",\"agreed\":[" + list_of(answer.agreement.agreed) + "]";
  out += ",\"differed\":[" + list_of(answer.agreement.differed) + "]";
  out += ",\"silent\":[" + list_of(answer.agreement.silent) + "]";
  return out + ",\"agreed_us\":" + std::to_string(answer.agreed_us) + "}";
}

/// Texts are other people's: control characters (ASCII, and the C1 ones that UTF-8 writes C2 80 to
/// C2 9F) do not reach the terminal as such.
std::string harmless(const std::string& text) {
  std::string shown;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c1 =
        byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (byte >= 0x20 && byte != 0x7F && !c1) {
      shown += text[i];
    } else if (byte == '\n' || byte == '\t') {
      shown += byte == '\n' ? "\\n" : "\\t";
    } else {
      shown += "\\x" + to_hex(ByteView(&byte, 1));
      if (c1) shown += "\\x" + to_hex(as_bytes(text).subspan(++i, 1));
    }
  }
  return shown;
}

std::string display(const Value& value) {
  const auto& storage = value.storage();
  if (value.is_null()) return "NULL";
  if (const auto* text = std::get_if<std::string>(&storage)) return harmless(*text);
  if (const auto* blob = std::get_if<Blob>(&storage)) {
    Bytes bytes;
    for (const std::byte byte : *blob) bytes.push_back(std::to_integer<std::uint8_t>(byte));
    return "x'" + to_hex(bytes) + "'";
  }
  if (const auto* integer = std::get_if<std::int64_t>(&storage)) return std::to_string(*integer);
  return wire::plain_json(client::to_wire(value));
}

void print_table(const std::vector<std::string>& columns,
                 const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    widths.push_back(width(columns[c]));
    for (const auto& row : rows) widths[c] = std::max(widths[c], width(row[c]));
  }
  const auto print = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t c = 0; c < cells.size(); ++c) {
      line += cells[c];
      if (c + 1 < cells.size()) line.append(widths[c] - width(cells[c]) + 2, ' ');
    }
    std::printf("%s\n", line.c_str());
  };
  print(columns);
  std::vector<std::string> dashes;
  dashes.reserve(widths.size());
  for (const std::size_t w : widths) dashes.emplace_back(w, '-');
  print(dashes);
  for (const auto& row : rows) print(row);
}

std::string describe(const Agreement& agreement) {
  const std::size_t all =
      agreement.agreed.size() + agreement.differed.size() + agreement.silent.size();
  std::string text = std::to_string(agreement.agreed.size()) + " of " + std::to_string(all) +
                     " replicas agree (" + list_of(agreement.agreed) + ")";
  if (!agreement.differed.empty()) text += "; contradicted: " + list_of(agreement.differed);
  if (!agreement.silent.empty()) text += "; silent: " + list_of(agreement.silent);
  return text;
}

void print_answer(const Answer& answer, bool json) {
  if (json) {
    std::printf("%s\n", answer_json(answer).c_str());
    return;
  }
  if (!answer.columns.empty()) {
    std::vector<std::vector<std::string>> rows;
    for (const Row& row : answer.rows) {
      std::vector<std::string>& cells = rows.emplace_back();
      for (const Value& value : row) cells.push_back(display(value));
    }
    print_table(answer.columns, rows);
  }
  std::printf("%s%zu row%s, %lld change%s; seq %llu; %s\n", answer.columns.empty() ? "" : "\n",
              answer.rows.size(), answer.rows.size() == 1 ? "" : "s",
              static_cast<long long>(answer.changes), answer.changes == 1 ? "" : "s",
              static_cast<unsigned long long>(answer.seq), describe(answer.agreement).c_str());
}

}  // namespace prytany::cli
