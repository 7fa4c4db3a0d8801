// What programs say to `prytany gateway`, and what they are told: between HTTP with plain JSON and
// the cluster's operations. Pure; gateway.cpp asks.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <prytany/client.h>

#include "server/base/result.h"
#include "server/cli/http_server.h"
#include "server/wire/operations.h"

namespace prytany::cli {

/// How this gateway gets on with the cluster.
struct AskStatus {};
/// A public procedure: not ordered, never a change.
struct ReadPublic {
  wire::Call call;
};
/// Of the session. `reads`: it says that it changes nothing, and need not be ordered then.
struct AskSession {
  wire::Operation operation;
  bool reads = false;
};
using GatewayQuestion = std::variant<AskStatus, ReadPublic, AskSession>;

/// What `request` asks, or what it is told instead. `names`: whom it may call us, without a port.
/// A page in a browser can send requests here from anywhere: it is known by its Origin, by what it
/// calls us (a name that somebody's DNS makes point here), and by not saying that it sends JSON,
/// which it cannot without asking first.
Result<GatewayQuestion, HttpReply> gateway_question_from(const HttpRequest& request,
                                                         const std::vector<std::string>& names);

/// The last rows, as `prytany call --json` has them.
HttpReply gateway_reply(Expected<Answer> answer);
/// {"steps":[...]}: the same for each, and whether it ran, was skipped, or failed as it may.
HttpReply gateway_reply(Expected<std::vector<StepAnswer>> answers);
/// {"error":{"code","message","may_have_run",...}} with the status of its code.
HttpReply gateway_error(const ErrorInfo& error);
/// The same where nothing was asked of the cluster.
HttpReply gateway_refusal(unsigned status, std::string_view code, const std::string& message);

}  // namespace prytany::cli
