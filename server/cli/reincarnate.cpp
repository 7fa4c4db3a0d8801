// prytany reincarnate: a member whose disk was lost comes back under another key
// (docs/how-to/operate.md, disk loss).
#include <algorithm>
#include <cstdio>

#include "server/app/configurations.h"
#include "server/cli/chain_file.h"
#include "server/cli/client_access.h"
#include "server/cli/client_commands.h"
#include "server/cli/files.h"
#include "server/cli/genesis.h"
#include "server/crypto/key_file.h"
#include "server/wire/configuration_json.h"

namespace prytany::cli {
namespace {

constexpr std::uint64_t chain_timeout_us = 2'000'000;
constexpr unsigned no_member = limits::replicas_max;

struct ReincarnateOptions {
  ClientOptions client;
  unsigned member = no_member;
  std::string new_member;  // member.json of the newer incarnation
  std::string file;        // the request
};

struct Known {
  wire::Genesis genesis;
  wire::Chain chain;
};

/// Genesis, and what the members that can be reached prove to have come since.
Result<Known, Failure> known_of(const ClientOptions& options) {
  auto file = read_genesis(options.cluster);
  if (!file) return usage_failure(file.error().message);
  auto trust = crypto::TlsTrust::create(options.authorities);
  if (!trust) return usage_failure(trust.error().message);
  wire::Chain chain(membership_of(file->genesis));
  if (ask_for_configurations(chain, file->genesis, chain_timeout_us, *trust) == 0)
    return Failure{ExitCode::no_quorum, "no_quorum",
                   "no replica of " + options.cluster + " can be reached"};
  return Known{std::move(file->genesis), std::move(chain)};
}

Result<wire::Reconfigure, Failure> new_request(const ReincarnateOptions& options,
                                               const Known& known) {
  const auto& members = known.genesis.members.items;
  if (options.member >= members.size())
    return usage_failure("--member must be below " + std::to_string(members.size()));
  const auto text = read_file(options.new_member);
  if (!text) return usage_failure(text.error().message);
  const auto wanted = wire::member_from_json(*text);
  if (!wanted) return usage_failure(options.new_member + ": " + wanted.error().message);
  const wire::Member& old = members[options.member];
  if (wanted->peer_host != old.peer_host || wanted->peer_port != old.peer_port ||
      wanted->client_url != old.client_url)
    return usage_failure(options.new_member +
                         " has other addresses than genesis.json has for this member: only the "
                         "key can change");
  if (const char* const reason = wire::refuse_new_key(known.chain.newest(), wanted->key))
    return usage_failure("the key of " + options.new_member + " " + reason);
  return wire::Reconfigure{known.chain.newest().number,
                           ReplicaId{static_cast<std::uint16_t>(options.member)},
                           wanted->key,
                           {}};
}

Result<wire::Reconfigure, Failure> read_request(const std::string& path,
                                                const wire::Genesis& genesis) {
  const auto text = read_file(path);
  if (!text) return usage_failure(text.error().message);
  auto change = wire::reconfigure_from_json(*text, wire::genesis_digest(genesis));
  if (!change) return usage_failure(path + ": " + change.error().message);
  return std::move(*change);
}

Status write_request(const ReincarnateOptions& options) {
  const auto known = known_of(options.client);
  if (!known) return known.error();
  const auto change = new_request(options, *known);
  if (!change) return change.error();
  const std::string json = wire::to_json(*change, wire::genesis_digest(known->genesis));
  if (auto written = write_new_file(options.file, json, 0644); !written)
    return usage_failure(written.error().message);
  std::printf("%s: member %u (%s) under the key %s\n", options.file.c_str(), options.member,
              known->genesis.members.items[options.member].name.text.c_str(),
              change->key.hex().c_str());
  if (!known->genesis.development)
    std::printf("%u members now run: prytany reincarnate approve %s --key replica.key\n",
                known->genesis.approvals, options.file.c_str());
  return {};
}

/// Who approves looks at the member and the key, and compares the key with the member by another
/// way than the one this file came by.
Status approve(const ReincarnateOptions& options) {
  const auto known = known_of(options.client);
  if (!known) return known.error();
  auto change = read_request(options.file, known->genesis);
  if (!change) return change.error();
  const auto key = crypto::read_key_file(options.client.key);
  if (!key) return usage_failure(key.error().message);
  if (change->number != known->chain.newest().number)
    return usage_failure(options.file + " is for configuration " +
                         std::to_string(change->number.value) + ", the newest is " +
                         std::to_string(known->chain.newest().number.value));
  const auto& keys = known->chain.newest().keys.items;
  const auto self = std::ranges::find(keys, key->public_key());
  if (self == keys.end())
    return usage_failure(options.client.key +
                         " is the key of no member of the newest configuration");
  const ReplicaId id{static_cast<std::uint16_t>(self - keys.begin())};
  auto& approvals = change->approvals.items;
  std::erase_if(approvals, [&](const auto& approval) { return approval.member == id; });
  const Digest cluster = wire::genesis_digest(known->genesis);
  approvals.push_back({id, key->sign(wire::reconfigure_signed_bytes(cluster, *change))});
  std::ranges::sort(approvals, {}, &wire::ReconfigureApproval::member);
  if (auto written = replace_file(options.file, wire::to_json(*change, cluster)); !written)
    return failure("write", written.error());
  std::printf(
      "member %u approves that member %u has the key %s from the next configuration on; "
      "%zu of %u approvals\n",
      id.value, change->member.value, change->key.hex().c_str(), approvals.size(),
      known->genesis.development ? 0 : known->genesis.approvals);
  return {};
}

Status submit(const ReincarnateOptions& options, bool json) {
  const auto known = known_of(options.client);
  if (!known) return known.error();
  const auto change = options.file.empty() ? new_request(options, *known)
                                           : read_request(options.file, known->genesis);
  if (!change) return change.error();
  auto client = join(options.client);
  if (!client) return client.error();
  const auto answers = ask(*client, wire::Operation{*change});
  if (!answers) return answers.error();
  const Answer& answer = answers->back();
  const Seq end = app::end_of_configuration(Seq{answer.seq}, known->genesis.window,
                                            known->genesis.checkpoint_interval);
  const unsigned long long number = change->number.value + 1;
  const auto since = static_cast<unsigned long long>(end.value);
  if (json) {
    std::printf("{\"configuration\":%llu,\"member\":%u,\"key\":\"%s\",\"since\":%llu}\n", number,
                change->member.value, change->key.hex().c_str(), since);
  } else {
    std::printf(
        "ordered at seq %llu; configuration %llu, in which member %u has the key %s, is in "
        "force above checkpoint %llu; %s\n",
        static_cast<unsigned long long>(answer.seq), number, change->member.value,
        change->key.hex().c_str(), since, describe(answer.agreement).c_str());
  }
  return {};
}

Status print_status(const ReincarnateOptions& options, bool json) {
  const auto known = known_of(options.client);
  if (!known) return known.error();
  if (json) {
    std::printf("%s", wire::to_json(known->chain).c_str());
    return {};
  }
  const wire::Configuration& newest = known->chain.newest();
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < newest.keys.size(); ++i) {
    unsigned incarnation = 0;
    std::uint64_t since = 0;
    for (ConfigNumber c{1}; c <= newest.number; ++c) {
      const wire::Configuration& made = known->chain.at(c);
      if (made.keys.items[i] == known->chain.at(c - 1).keys.items[i]) continue;
      ++incarnation;
      since = made.since.value;
    }
    rows.push_back({std::to_string(i), known->genesis.members.items[i].name.text,
                    std::to_string(incarnation), std::to_string(since),
                    newest.keys.items[i].hex()});
  }
  std::printf("configuration %llu, in force above checkpoint %llu\n\n",
              static_cast<unsigned long long>(newest.number.value),
              static_cast<unsigned long long>(newest.since.value));
  print_table({"member", "name", "incarnation", "since", "key"}, rows);
  return {};
}

arguments::Option add_member(arguments::Command command, ReincarnateOptions& options) {
  arguments::Option member =
      command.add_option("--member", options.member, "Whose disk was lost: its number");
  member.needs(command.add_option("--new", options.new_member,
                                  "member.json of prytany keygen for the newer incarnation, with "
                                  "the addresses that genesis.json has"));
  return member;
}

void add(arguments::Command parent, const char* name, const char* text, Chosen& chosen,
         const std::function<void(arguments::Command, ReincarnateOptions&)>& arguments,
         const std::function<Status(const ReincarnateOptions&, bool)>& run) {
  auto options = std::make_shared<ReincarnateOptions>();
  arguments::Command command = parent.add_command(name, text);
  arguments(command, *options);
  add_client_options(command, options->client);
  add_json_flag(command, chosen);
  command.when_chosen([&chosen, options, run] {
    chosen.run = [options, run, &chosen] { return run(*options, chosen.json); };
  });
}

}  // namespace

void add_reincarnate(arguments::Command app, Chosen& chosen) {
  arguments::Command command =
      app.add_command("reincarnate", "A member whose disk was lost comes back under another key");
  command.requires_command();
  add(
      command, "request", "Write a request for members to approve", chosen,
      [](arguments::Command sub, ReincarnateOptions& o) {
        add_member(sub, o).required();
        sub.add_option("FILE", o.file, "The request; must not exist").required();
      },
      [](const ReincarnateOptions& o, bool) { return write_request(o); });
  add(
      command, "approve", "Sign a request with a member's replica.key (--key)", chosen,
      [](arguments::Command sub, ReincarnateOptions& o) {
        sub.add_option("FILE", o.file, "The request").required();
      },
      [](const ReincarnateOptions& o, bool) { return approve(o); });
  add(
      command, "submit", "Order an approved request, as an administrator (--key)", chosen,
      [](arguments::Command sub, ReincarnateOptions& o) {
        arguments::Option file = sub.add_option("FILE", o.file, "The request");
        add_member(sub, o).excludes(file);
      },
      submit);
  add(
      command, "status", "Which key is which member's, and since when", chosen,
      [](arguments::Command, ReincarnateOptions&) {}, print_status);
}

}  // namespace prytany::cli
