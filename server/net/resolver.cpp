#include "server/net/resolver.h"

#include <netdb.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstring>

namespace prytany::net {
namespace {

Result<SocketAddress> look_up(const std::string& host, std::uint16_t port) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) return Error{"cannot find the address of " + host + ": " + ::gai_strerror(error)};
  SocketAddress address;
  address.length = found->ai_addrlen;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  ::freeaddrinfo(found);
  return address;
}

}  // namespace

Resolver::Resolver(Poller& poller)
    : poller_(poller), wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  ENSURE(static_cast<bool>(wake_));
  poller_.watch(wake_.get(), EPOLLIN, [this](std::uint32_t) { deliver(); });
}

Resolver::~Resolver() {
  poller_.forget(wake_.get());
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  asked_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Resolver::resolve(const std::string& host, std::uint16_t port, Answer answer) {
  if (auto numeric = numeric_address(host, port)) return answer(std::move(numeric));
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  {
    const std::scoped_lock lock(mutex_);
    questions_.push_back({host, port, std::move(answer)});
  }
  asked_.notify_one();
}

void Resolver::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    asked_.wait(lock, [this] { return stopping_ || !questions_.empty(); });
    if (stopping_) return;
    Question question = std::move(questions_.front());
    questions_.pop_front();
    lock.unlock();
    Result<SocketAddress> result = look_up(question.host, question.port);
    lock.lock();
    answers_.push_back({std::move(result), std::move(question.answer)});
    const std::uint64_t one = 1;
    static_cast<void>(!::write(wake_.get(), &one, sizeof one));
  }
}

void Resolver::deliver() {
  std::uint64_t count = 0;
  static_cast<void>(!::read(wake_.get(), &count, sizeof count));
  std::deque<Answered> answers;
  {
    const std::scoped_lock lock(mutex_);
    answers.swap(answers_);
  }
  for (Answered& answered : answers) answered.answer(std::move(answered.result));
}

}  // namespace prytany::net
