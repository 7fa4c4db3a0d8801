// How a question to the cluster can fail. Five kinds, each an exception class and, for those who
// prefer values, a kind in ErrorInfo. Codes are stable; messages are for people.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

namespace prytany {

enum class ErrorKind {
  application,      // an answer: the application or SQL refused, and every replica says so alike
  no_quorum,        // not enough replicas answered alike in time; nothing was sent that can run
  outcome_unknown,  // it was sent, and the timeout or the end of the session came before the
                    // answer: it may have run, or may still run, once
  refused,          // the cluster would not take it; it was not answered
  usage,            // the caller's mistake; nothing was sent
};

struct ErrorInfo {
  ErrorKind kind = ErrorKind::usage;
  std::string code;
  std::string message;
  std::string procedure;        // application: where
  std::uint32_t statement = 0;  // application: which statement of it, from 1
  /// Whether a replica may have seen it.
  bool sent = false;
};

/// The base of all. what() is the message.
class ClientError : public std::runtime_error {
 public:
  explicit ClientError(ErrorInfo info) : std::runtime_error(info.message), info_(std::move(info)) {}
  [[nodiscard]] const std::string& code() const { return info_.code; }
  [[nodiscard]] const ErrorInfo& info() const { return info_; }

 private:
  ErrorInfo info_;
};

class ApplicationError : public ClientError {
 public:
  using ClientError::ClientError;
  [[nodiscard]] const std::string& procedure() const { return info().procedure; }
  [[nodiscard]] std::uint32_t statement() const { return info().statement; }
};
class NoQuorum : public ClientError {
 public:
  using ClientError::ClientError;
};
class OutcomeUnknown : public ClientError {
 public:
  using ClientError::ClientError;
};
class Refused : public ClientError {
 public:
  using ClientError::ClientError;
};
class Usage : public ClientError {
 public:
  using ClientError::ClientError;
  explicit Usage(std::string message)
      : ClientError(ErrorInfo{ErrorKind::usage, "usage", std::move(message), {}, 0, false}) {}
};

/// Throws the class that belongs to `info.kind`.
[[noreturn]] void throw_error(ErrorInfo info);

/// A value, or why there is none: what the try_ functions return. (std::expected is C++23.)
template <class T>
class [[nodiscard]] Expected {
 public:
  Expected(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Expected(ErrorInfo error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  /// Throws the error if there is one.
  T& value() & {
    if (!ok()) throw_error(std::get<1>(state_));
    return std::get<0>(state_);
  }
  T&& value() && {
    if (!ok()) throw_error(std::get<1>(std::move(state_)));
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  /// Requires: !ok().
  [[nodiscard]] const ErrorInfo& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, ErrorInfo> state_;
};

}  // namespace prytany
