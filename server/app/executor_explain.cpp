// What a call costs, for those who write and run applications. It is ordered like the call itself,
// so that the answer is f+1 replicas' word, on the state and the handle that the call would have
// had; and all of it is undone.
#include "server/app/executor_impl.h"
#include "server/app/explain.h"
#include "server/app/runner.h"
#include "server/app/steps.h"

namespace prytany::app {

/// Who may call it may not always look at it: the SQL of an application may be confidential, and a
/// call that is undone leaves no trace where the procedure would have left one (a log of what was
/// read, a count of what was guessed). So the application says which roles may, besides
/// administrators.
std::optional<wire::ErrorReply> Executor::Impl::refuse_explaining(const Session& session,
                                                                  const wire::Call& call) const {
  const std::string& name = call.procedure.text;
  if (application_ != nullptr)
    return error_reply({"not_explainable", "this cluster runs an application that is built in"},
                       name);
  if (installed_ == nullptr)
    return error_reply({"no_application", "no application is installed"}, name);
  if (auto refused = installed_->refuse_call(name, session.role)) return refused;
  if (config_.development || session.role == "admin" || installed_->may_explain(session.role))
    return std::nullopt;
  return error_reply({"not_allowed", "the role '" + session.role +
                                         "' may not see what calls cost: prytany.json does not "
                                         "give it \"explain\": true"},
                     name);
}

std::optional<wire::ErrorReply> Executor::Impl::refuse_explaining(
    const Session& session, const wire::Explain& asked) const {
  if (const auto* call = std::get_if<wire::Call>(&asked.of))
    return refuse_explaining(session, *call);
  if (const auto* sql = std::get_if<wire::Execute>(&asked.of))
    return refuse_sql(session, sql->read_only);
  return refuse_sql(session, std::get<wire::Transaction>(asked.of).read_only);
}

wire::Outcome Executor::Impl::perform(Turn&, const Session& session, const wire::Explain& asked) {
  if (auto refused = refuse_explaining(session, asked)) return *refused;
  const auto* call = std::get_if<wire::Call>(&asked.of);
  if (call != nullptr)
    engine_.state().work_max = installed_->steps_max(config_.steps_per_request_max);
  bool schema_changed = false;
  const Explanation explanation = explain(engine_, [&] {
    const auto* sql = std::get_if<wire::Execute>(&asked.of);
    auto outcome = call != nullptr ? installed_->call(engine_, *call, session.role)
                   : sql != nullptr
                       ? run_execute(engine_, *sql)
                       : run_transaction(engine_, std::get<wire::Transaction>(asked.of));
    schema_changed = engine_.state().schema_touched;
    return outcome;
  });
  if (schema_changed && installed_ != nullptr) installed_->forget_prepared();
  return explanation_results(explanation);
}

}  // namespace prytany::app
