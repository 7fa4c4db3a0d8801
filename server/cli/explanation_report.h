// What a call would cost, for people and for programs: the same from a running cluster, from a
// replica's file and from a fresh database.
#pragma once

#include <string>

#include <prytany/client.h>

#include "server/app/explain.h"
#include "server/cli/command.h"

namespace prytany::cli {

/// What an explained call, or whatever it needed before, failed with.
Failure failure_of_explained(const wire::ErrorReply& error);

/// What a cluster told, as this process would have.
app::Explanation explanation_from(const Explanation& told);

/// Prints it; a Failure if the call would have failed. `role` is whose call it is.
Status report_explanation(const app::Explanation& explanation, const std::string& role, bool json);

}  // namespace prytany::cli
