// Between the public types of <prytany/client.h> and those of the wire.
#pragma once

#include <vector>

#include <prytany/client.h>

#include "clientlib/session_effects.h"
#include "server/wire/operations.h"

namespace prytany::client {

wire::Value to_wire(const Value& value);
wire::Arguments to_wire(const Arguments& arguments);
wire::Call to_wire(std::string_view procedure, const Arguments& arguments);
wire::Execute to_wire(const std::vector<Statement>& statements, bool read_only);
wire::Transaction to_wire(const std::vector<Step>& steps);

Value from_wire(const wire::Value& value);
prytany::Agreement from_wire(const Agreement& agreement);

/// Why a question got no answer; or the application's error, which is one.
std::optional<ErrorInfo> error_of(const Completion& completion);
/// One Answer for every statement; a single empty one for operations that return nothing.
Expected<std::vector<Answer>> answers_of(const Completion& completion);
/// One for every step of a transaction.
Expected<std::vector<StepAnswer>> step_answers_of(const Completion& completion);
/// Of an `explain`; a Refused, code unexpected_answer, if f+1 replicas answered it with something
/// else.
Expected<Explanation> explanation_of(const Completion& completion);
/// The last of them, with the changes of all.
Expected<Answer> answer_of(const Completion& completion);

ErrorInfo usage_error(std::string message);

}  // namespace prytany::client
