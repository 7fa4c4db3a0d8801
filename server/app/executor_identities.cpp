// Phase one of joins that prove more than a key: what the application trusts, asked as a public
// read is, on the handle for what is not ordered.
#include "server/app/executor_impl.h"
#include "server/app/id_token.h"
#include "server/app/identify.h"

namespace prytany::app {
namespace {

Failure failure_of_trust(const wire::ErrorReply& error) {
  return {"untrusted_issuer", "the application could not say whom it trusts: " + error.code.text};
}

}  // namespace

Result<std::vector<std::string>, wire::ErrorReply> Executor::Impl::authorities() {
  if (installed_ != nullptr) return reading_->certificate_authorities(reader_);
  const AccessScope scope(reader_.state(), Access::application);
  auto trusted = application_->certificate_authorities(reader_.handle());
  reader_.quiet();
  return trusted;
}

Result<std::vector<TokenKey>, wire::ErrorReply> Executor::Impl::token_keys(
    const std::string& issuer) {
  if (installed_ != nullptr) return reading_->token_keys(reader_, issuer);
  const AccessScope scope(reader_.state(), Access::application);
  auto trusted = application_->token_keys(reader_.handle(), issuer);
  reader_.quiet();
  return trusted;
}

Result<std::vector<std::string>, wire::ErrorReply> Executor::Impl::ask_authorities(
    const Digest& question) {
  std::optional<Result<std::vector<std::string>, wire::ErrorReply>> believed;
  open_reader();
  (void)read_only(question, nullptr, [&]() -> wire::Outcome {
    believed.emplace(authorities());
    return wire::DoneReply{};
  });
  return std::move(*believed);
}

Result<std::vector<TokenKey>, wire::ErrorReply> Executor::Impl::ask_token_keys(
    const Digest& question, const std::string& issuer) {
  std::optional<Result<std::vector<TokenKey>, wire::ErrorReply>> keys;
  open_reader();
  (void)read_only(question, nullptr, [&]() -> wire::Outcome {
    keys.emplace(token_keys(issuer));
    return wire::DoneReply{};
  });
  return std::move(*keys);
}

Result<wire::Identity, Failure> Executor::Impl::identify(const wire::Identify& asked,
                                                         AgreedTime now) {
  if (auto refused = refuse_proof(config_.cluster, asked)) return *refused;
  if (application_ == nullptr && installed_ == nullptr)
    return Failure{"not_authorized", "no application is installed that could know you"};
  const Digest question = wire::join_digest(asked.begin);
  if (const auto* chain = std::get_if<wire::CertificateProof>(&asked.proof)) {
    const auto believed = ask_authorities(question);
    if (!believed) return failure_of_trust(believed.error());
    return read_certificate(config_.cluster, asked.begin, *chain, *believed, now);
  }
  const std::string& token = std::get<wire::IdTokenProof>(asked.proof).token.text;
  const auto issuer = issuer_of(token);
  if (!issuer) return issuer.error();
  const auto keys = ask_token_keys(question, *issuer);
  if (!keys) return failure_of_trust(keys.error());
  const Digest nonce = wire::id_token_nonce(config_.cluster, asked.begin.identification.credential);
  return read_id_token(token, *issuer, *keys, nonce, now);
}

}  // namespace prytany::app
