// The public Client: one session.
#include <future>

#include "clientlib/cluster_impl.h"

namespace prytany {

using client::Completion;

namespace {

/// Waits for what a callback will be given. The callback may come after the waiter has gone.
template <class T>
class Awaited {
 public:
  std::function<void(T)> callback() {
    return [promise = promise_](T value) { promise->set_value(std::move(value)); };
  }
  T wait() { return promise_->get_future().get(); }

 private:
  std::shared_ptr<std::promise<T>> promise_ = std::make_shared<std::promise<T>>();
};

}  // namespace

Completion Client::Impl::ask(wire::Operation operation) const {
  cluster->must_not_be_loop_thread();
  Awaited<Completion> awaited;
  submit(std::move(operation), awaited.callback());
  return awaited.wait();
}

Completion Client::Impl::ask_to_read(wire::Operation operation) const {
  if (!fast_reads) return ask(std::move(operation));
  cluster->must_not_be_loop_thread();
  Awaited<Completion> awaited;
  cluster->loop->fast_read(seat, std::move(operation), timeout_us, awaited.callback());
  return awaited.wait();
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::Client(const Options& options)
    : Client(Cluster(options.genesis, std::chrono::milliseconds(100), options.authorities),
             options) {}
Client::Client(const Cluster& cluster, const Options& options) {
  cluster.impl_->must_not_be_loop_thread();
  Awaited<Expected<Client>> awaited;
  Cluster(cluster.impl_).join_async(options, awaited.callback());
  *this = awaited.wait().value();
}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

// ---- blocking -------------------------------------------------------------------------------

Expected<Answer> Client::try_call(std::string_view procedure, const Arguments& arguments) {
  return client::answer_of(impl_->ask(client::to_wire(procedure, arguments)));
}
Answer Client::call(std::string_view procedure, const Arguments& arguments) {
  return try_call(procedure, arguments).value();
}

Expected<Answer> Client::try_read(std::string_view procedure, const Arguments& arguments) {
  return client::answer_of(impl_->ask_to_read(client::to_wire(procedure, arguments)));
}
Answer Client::read(std::string_view procedure, const Arguments& arguments) {
  return try_read(procedure, arguments).value();
}

Expected<Answer> Client::try_execute(const Statement& statement) {
  return client::answer_of(impl_->ask(client::to_wire({statement}, false)));
}
Answer Client::execute(const Statement& statement) { return try_execute(statement).value(); }

std::vector<Answer> Client::batch(const std::vector<Statement>& statements) {
  return client::answers_of(impl_->ask(client::to_wire(statements, false))).value();
}

Expected<std::vector<StepAnswer>> Client::try_transaction(const std::vector<Step>& steps) {
  return client::step_answers_of(impl_->ask(client::to_wire(steps)));
}
std::vector<StepAnswer> Client::transaction(const std::vector<Step>& steps) {
  return try_transaction(steps).value();
}

Answer Client::read(const Statement& statement) {
  return client::answer_of(impl_->ask_to_read(client::to_wire({statement}, true))).value();
}

// ---- what it would do and cost ----------------------------------------------------------------

Expected<Explanation> Client::try_explain_call(std::string_view procedure,
                                               const Arguments& arguments) {
  return client::explanation_of(impl_->ask(wire::Explain{client::to_wire(procedure, arguments)}));
}
Explanation Client::explain_call(std::string_view procedure, const Arguments& arguments) {
  return try_explain_call(procedure, arguments).value();
}

Expected<Explanation> Client::try_explain_sql(const std::vector<Statement>& statements,
                                              bool read_only) {
  return client::explanation_of(impl_->ask(wire::Explain{client::to_wire(statements, read_only)}));
}
Explanation Client::explain_sql(const std::vector<Statement>& statements, bool read_only) {
  return try_explain_sql(statements, read_only).value();
}

Expected<Explanation> Client::try_explain_transaction(const std::vector<Step>& steps) {
  return client::explanation_of(impl_->ask(wire::Explain{client::to_wire(steps)}));
}
Explanation Client::explain_transaction(const std::vector<Step>& steps) {
  return try_explain_transaction(steps).value();
}

// ---- without blocking -----------------------------------------------------------------------

void Client::call_async(std::string_view procedure, const Arguments& arguments,
                        AnswerCallback done) {
  impl_->submit(client::to_wire(procedure, arguments),
                [done = std::move(done)](const Completion& c) { done(client::answer_of(c)); });
}

void Client::execute_async(const Statement& statement, AnswerCallback done) {
  impl_->submit(client::to_wire({statement}, false),
                [done = std::move(done)](const Completion& c) { done(client::answer_of(c)); });
}

std::future<Answer> Client::call_future(std::string_view procedure, const Arguments& arguments) {
  const auto promise = std::make_shared<std::promise<Answer>>();
  call_async(procedure, arguments, [promise](Expected<Answer> answer) {
    try {
      promise->set_value(std::move(answer).value());
    } catch (const ClientError&) {
      promise->set_exception(std::current_exception());
    }
  });
  return promise->get_future();
}

// ---- about the session ----------------------------------------------------------------------

void Client::leave() {
  if (impl_->cluster->genesis.is_static()) return impl_->cluster->loop->close(impl_->seat);
  (void)client::answer_of(impl_->ask(wire::Leave{})).value();
}

void Client::set_timeout(std::chrono::milliseconds timeout) {
  impl_->timeout_us = microseconds(timeout);
}
std::uint64_t Client::session_id() const { return impl_->session; }
const std::string& Client::principal() const { return impl_->principal; }
const std::string& Client::role() const { return impl_->role; }
Cluster Client::cluster() const { return Cluster(impl_->cluster); }
std::vector<ReplicaStatus> Client::status(std::chrono::milliseconds timeout) {
  return cluster().status(timeout);
}

std::vector<ReplicaStanding> Client::standings() const {
  impl_->cluster->must_not_be_loop_thread();
  Awaited<std::vector<ReplicaStanding>> awaited;
  impl_->cluster->loop->inspect(impl_->seat,
                                [tell = awaited.callback()](const client::Session* session) {
                                  std::vector<ReplicaStanding> all;
                                  if (session != nullptr) {
                                    for (const ReplicaId replica : session->cluster().replicas()) {
                                      const client::Standing& s = session->standing(replica);
                                      all.push_back({s.agreed, s.differed, s.silent, s.untrusted});
                                    }
                                  }
                                  tell(std::move(all));
                                });
  return awaited.wait();
}

}  // namespace prytany
