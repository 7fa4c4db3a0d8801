#include "bench/crowd.h"

#include <chrono>
#include <future>

namespace prytany::bench {
namespace {

/// An answer later than this is an error: the cluster is stuck.
constexpr std::uint64_t answer_timeout_us = 60'000'000;
constexpr std::size_t joins_at_once = 64;
constexpr std::uint64_t errors_max = 10'000;

}  // namespace

std::uint64_t now_us() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(since).count());
}

std::uint64_t number_by_clock() {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count());
}

std::string problem_of(const client::Completion& completion) {
  if (completion.verdict != client::Verdict::answered)
    return completion.code + ": " + completion.message;
  if (const auto* error = std::get_if<wire::ErrorReply>(&completion.outcome))
    return error->code.text + ": " + error->message.text;
  return {};
}

client::Completion ask(client::Loop& loop, client::Seat seat, wire::Operation operation,
                       std::uint64_t timeout_us) {
  const auto promise = std::make_shared<std::promise<client::Completion>>();
  loop.submit(seat, std::move(operation), timeout_us,
              [promise](client::Completion c) { promise->set_value(std::move(c)); });
  return promise->get_future().get();
}

client::Completion join(client::Loop& loop, client::Seat seat, const crypto::Signer& credential,
                        const std::string& name, std::uint64_t timeout_us) {
  const auto promise = std::make_shared<std::promise<client::Completion>>();
  loop.join(seat, credential, name, timeout_us,
            [promise](client::Completion c) { promise->set_value(std::move(c)); });
  return promise->get_future().get();
}

Crowd::Crowd(client::Loop& loop, const Workload& workload, Size size, Tally& tally)
    : loop_(loop), workload_(workload), size_(size), asked_(size.clients), tally_(tally) {}

Crowd::~Crowd() {
  drain();
  for (const client::Seat seat : seats_) loop_.leave_and_close(seat);
}

client::SessionOptions Crowd::session_options() const {
  client::SessionOptions options;
  options.depth_max = std::min<std::uint64_t>(size_.depth, limits::session_window);
  options.connections = size_.connections;
  options.queue_max = size_.waiting;
  return options;
}

void Crowd::attach(const std::vector<crypto::Signer>& keys, SessionId first) {
  const std::uint64_t number = number_by_clock();
  for (unsigned i = 0; i < size_.clients; ++i)
    seats_.push_back(
        loop_.open(session_options(), {}, SessionId{first.value + i}, keys[i], number));
}

Result<void> Crowd::join(std::uint64_t timeout_us) {
  const client::SessionOptions options = session_options();
  for (unsigned begin = 0; begin < size_.clients; begin += joins_at_once) {
    std::vector<std::future<client::Completion>> joins;
    for (unsigned i = begin; i < size_.clients && i < begin + joins_at_once; ++i) {
      seats_.push_back(loop_.open(options, {}));
      const auto promise = std::make_shared<std::promise<client::Completion>>();
      joins.push_back(promise->get_future());
      loop_.join(seats_.back(), crypto::Signer::generate(), "", timeout_us,
                 [promise](client::Completion c) { promise->set_value(std::move(c)); });
    }
    for (auto& joined : joins) {
      const std::string problem = problem_of(joined.get());
      if (!problem.empty()) return Error{"a client cannot join: " + problem};
    }
  }
  return {};
}

void Crowd::ask(unsigned client, std::uint64_t due_us, std::function<void()> after) {
  if (counting_.load(std::memory_order_relaxed)) due_.fetch_add(1, std::memory_order_relaxed);
  Question question = workload_.next(client, asked_[client]++);
  {
    const std::lock_guard lock(mutex_);
    ++outstanding_;
  }
  wire::Operation operation = std::move(question.operation);
  question.operation = {};
  const bool fast = question.fast_read;
  auto done = [this, question = std::move(question), due_us,
               after = std::move(after)](const client::Completion& completion) {
    answered(question, due_us, completion);
    if (after) after();
    const std::lock_guard lock(mutex_);
    if (--outstanding_ == 0) changed_.notify_all();
  };
  if (fast)
    loop_.fast_read(seats_[client], std::move(operation), answer_timeout_us, std::move(done));
  else
    loop_.submit(seats_[client], std::move(operation), answer_timeout_us, std::move(done));
}

std::string Crowd::judge(const Question& question, const client::Completion& completion) {
  if (completion.verdict == client::Verdict::answered) {
    Judged judged = workload_.judge(question, completion.outcome);
    tally_.effect += judged.effect;
    if (judged.wrong.empty()) ++tally_.answered;
    return std::move(judged.wrong);
  }
  if (completion.sent) ++tally_.unknown;
  return completion.code + ": " + completion.message;
}

void Crowd::answered(const Question& question, std::uint64_t due_us,
                     const client::Completion& completion) {
  if (completion.verdict == client::Verdict::refused && completion.code == "queue_full") {
    if (counting_.load(std::memory_order_relaxed)) ++refused_;
  } else if (std::string problem = judge(question, completion); !problem.empty()) {
    if (errors_++ == 0) first_error_ = std::move(problem);
  } else if (counting_.load(std::memory_order_relaxed)) {
    const std::uint64_t now = now_us();
    latency_.record(now - due_us);
    const std::lock_guard lock(mutex_);
    if (counting_) timeline_.answered(now);
  }
}

void Crowd::begin_window() {
  const std::lock_guard lock(mutex_);
  timeline_.begin(now_us());
  counting_ = true;
}

void Crowd::end_window() {
  const std::lock_guard lock(mutex_);
  counting_ = false;
  timeline_.end(now_us());
}

bool Crowd::hopeless() const { return errors_.load(std::memory_order_relaxed) >= errors_max; }

void Crowd::drain() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return outstanding_ == 0; });
}

}  // namespace prytany::bench
