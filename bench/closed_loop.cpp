#include "bench/closed_loop.h"

#include <chrono>
#include <future>

namespace prytany::bench {
namespace {

/// An answer later than this is an error: the cluster is stuck.
constexpr std::uint64_t answer_timeout_us = 60'000'000;
constexpr std::size_t joins_at_once = 64;
/// A load that only fails is stopped, not repeated.
constexpr std::uint64_t errors_max = 10'000;

std::uint64_t now_us() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(since).count());
}

}  // namespace

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

ClosedLoop::ClosedLoop(client::Loop& loop, const Workload& workload, Load load)
    : loop_(loop), workload_(workload), load_(load), sent_(load.clients) {}

ClosedLoop::~ClosedLoop() {
  stop();
  for (const client::Seat seat : seats_) loop_.leave_and_close(seat);
}

Result<void> ClosedLoop::join(std::uint64_t timeout_us) {
  client::SessionOptions options;
  options.depth_max = std::min<std::uint64_t>(load_.depth, limits::session_window);
  for (unsigned begin = 0; begin < load_.clients; begin += joins_at_once) {
    std::vector<std::future<client::Completion>> joins;
    for (unsigned i = begin; i < load_.clients && i < begin + joins_at_once; ++i) {
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

void ClosedLoop::start() {
  for (unsigned client = 0; client < load_.clients; ++client) {
    for (unsigned i = 0; i < load_.depth; ++i) {
      const std::lock_guard lock(mutex_);
      ++outstanding_;
      send(client);
    }
  }
}

void ClosedLoop::send(unsigned client) {
  const std::uint64_t sent_us = now_us();
  loop_.submit(seats_[client], workload_.operation(client, sent_[client]), answer_timeout_us,
               [this, client, sent_us](const client::Completion& completion) {
                 answered(client, sent_us, completion);
               });
}

void ClosedLoop::answered(unsigned client, std::uint64_t sent_us,
                          const client::Completion& completion) {
  ++sent_[client];
  if (std::string problem = problem_of(completion); !problem.empty()) {
    if (errors_++ == 0) first_error_ = std::move(problem);
  } else if (counting_.load(std::memory_order_relaxed)) {
    latency_.record(now_us() - sent_us);
  }
  if (!stopping_.load(std::memory_order_relaxed) && errors_ < errors_max) return send(client);
  const std::lock_guard lock(mutex_);
  --outstanding_;
  changed_.notify_all();
}

void ClosedLoop::begin_window() { counting_ = true; }
void ClosedLoop::end_window() { counting_ = false; }

void ClosedLoop::stop() {
  stopping_ = true;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return outstanding_ == 0; });
}

}  // namespace prytany::bench
