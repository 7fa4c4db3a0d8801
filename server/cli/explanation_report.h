// What a call would cost, for people and for programs: the same from a running cluster, from a
// replica's file and from a fresh database.
#pragma once

#include <string>
#include <vector>

#include <prytany/client.h>

#include "server/app/explain.h"
#include "server/cli/command.h"

namespace prytany::cli {

/// What an explained call, or whatever it needed before, failed with.
Failure failure_of_explained(const wire::ErrorReply& error);

/// An explanation as replicas answer it (app::explanation_results). The Failure if it is none.
Result<app::Explanation, Failure> explanation_from(const std::vector<Answer>& answers);

/// Prints it; a Failure if the call would have failed. `role` is whose call it is.
Status report_explanation(const app::Explanation& explanation, const std::string& role, bool json);

}  // namespace prytany::cli
