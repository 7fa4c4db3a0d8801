// prytany gateway: a principal's session, offered to programs of any language on this machine as
// JSON over HTTP.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <mutex>

#include "clientlib/cluster_impl.h"
#include "server/base/bytes.h"
#include "server/base/ensure.h"
#include "server/cli/client_access.h"
#include "server/cli/client_commands.h"
#include "server/cli/gateway_json.h"
#include "server/crypto/agree.h"
#include "server/net/poller.h"
#include "server/wire/genesis.h"
#include "server/wire/json_writer.h"

namespace prytany::cli {
namespace {

struct GatewayOptions {
  ClientOptions client;
  std::string listen = "127.0.0.1:7070";
  std::vector<std::string> names;
  std::string name;
};

/// From the client's thread to the one that serves: tasks, and a descriptor that says there are
/// some. What comes when nobody serves any more is never run.
class Handover {
 public:
  Handover() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { ENSURE(event_); }
  [[nodiscard]] int fd() const { return event_.get(); }
  void post(std::function<void()> task) {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    const std::uint64_t one = 1;
    (void)!::write(event_.get(), &one, sizeof one);
  }
  void run() {
    std::uint64_t ignored = 0;
    (void)!::read(event_.get(), &ignored, sizeof ignored);
    std::vector<std::function<void()>> tasks;
    {
      const std::lock_guard lock(mutex_);
      tasks.swap(tasks_);
    }
    for (const auto& task : tasks) task();
  }

 private:
  net::Fd event_;
  std::mutex mutex_;
  std::vector<std::function<void()>> tasks_;
};

/// Everything here runs on the thread that serves, but what is posted.
class LocalGateway {
 public:
  LocalGateway(net::Poller& poller, net::Fd listener, std::vector<std::string> names,
               Options session, Cluster cluster, Client client)
      : names_(std::move(names)),
        session_(std::move(session)),
        cluster_(std::move(cluster)),
        client_(std::make_unique<Client>(std::move(client))),
        server_(poller, std::move(listener),
                [this](const HttpRequest& request, std::uint64_t id) { return take(request, id); },
                {limits::json_bytes_max, [this](unsigned status, const std::string& words) {
                   ++refused_;
                   return gateway_refusal(status, "bad_request", words);
                 }}) {
    poller.watch(handover_->fd(), EPOLLIN, [this](std::uint32_t) { handover_->run(); });
  }

 private:
  /// Two that end each other's session do not do so for ever.
  static constexpr unsigned times_max = 3;
  static constexpr std::size_t outstanding_max = 4 * HttpServer::connections_max;
  /// Somebody who waits.
  struct Waiting {
    std::uint64_t id = 0;
    AskSession asked = {};
    std::uint64_t session = 0;  // of which it was asked last
    unsigned times = 0;
  };

  std::optional<HttpReply> take(const HttpRequest& request, std::uint64_t id) {
    auto question = gateway_question_from(request, names_);
    if (!question) {
      ++refused_;
      return std::move(question.error());
    }
    // Callers that do not wait free their connection, and what they asked goes on.
    if (outstanding_ >= outstanding_max) {
      ++refused_;
      return gateway_refusal(503, "queue_full", "too much is asked at once: try again");
    }
    ++outstanding_;
    ++asked_;
    if (std::holds_alternative<AskStatus>(*question)) {
      status(id);
    } else if (auto* read = std::get_if<ReadPublic>(&*question)) {
      read_public(id, std::move(read->call));
    } else {
      ask({id, std::get<AskSession>(std::move(*question))});
    }
    return std::nullopt;
  }

  void finish(std::uint64_t id, const HttpReply& reply) {
    --outstanding_;
    server_.answer(id, reply);
  }

  void read_public(std::uint64_t id, wire::Call call) {
    auto& cluster = ClientAccess::of(cluster_);
    cluster.loop->read(cluster.observer(), std::move(call), microseconds(session_.timeout),
                       [this, handover = handover_, id](const client::Completion& done) {
                         handover->post([this, id, answer = client::answer_of(done)] {
                           finish(id, gateway_reply(answer));
                         });
                       });
  }

  void ask(Waiting waiting) {
    if (joining_) return waiting_.push_back(std::move(waiting));
    const auto& client = ClientAccess::of(*client_);
    waiting.session = client.session;
    ++waiting.times;
    wire::Operation operation = waiting.asked.operation;
    const bool reads = waiting.asked.reads;
    auto done = [this, handover = handover_,
                 waiting = std::move(waiting)](client::Completion completion) {
      handover->post(
          [this, waiting, completion = std::move(completion)] { answered(waiting, completion); });
    };
    client::Loop& loop = *client.cluster->loop;
    // What says that it only reads can be ordered without harm if replicas do not agree at once.
    if (reads)
      return loop.fast_read(client.seat, std::move(operation), client.timeout_us, std::move(done));
    loop.submit(client.seat, std::move(operation), client.timeout_us, std::move(done));
  }

  void answered(const Waiting& waiting, const client::Completion& completion) {
    // Certainly not sent: it may be asked of another session, where it is another request.
    if (completion.verdict == client::Verdict::refused && !completion.sent &&
        completion.code == "session_ended" && waiting.times < times_max) {
      if (!joining_ && waiting.session == client_->session_id()) join_again();
      return ask(waiting);
    }
    const bool steps = std::holds_alternative<wire::Transaction>(waiting.asked.operation);
    finish(waiting.id, steps ? gateway_reply(client::step_answers_of(completion))
                             : gateway_reply(client::answer_of(completion)));
  }

  void join_again() {
    joining_ = true;
    std::fprintf(stderr, "the session has ended -> joins anew\n");
    cluster_.join_async(session_, [this, handover = handover_](Expected<Client> joined) {
      // Tasks are copied; clients are not.
      const auto client = std::make_shared<Expected<Client>>(std::move(joined));
      handover->post([this, client] { joined_again(*client); });
    });
  }

  void joined_again(Expected<Client>& joined) {
    joining_ = false;
    std::vector<Waiting> all = std::exchange(waiting_, {});
    if (joined) {
      client_ = std::make_unique<Client>(std::move(*joined));
      for (Waiting& waiting : all) ask(std::move(waiting));
      return;
    }
    // Nothing was asked. The next one tries again.
    for (const Waiting& waiting : all)
      finish(waiting.id, gateway_refusal(503, joined.error().code, joined.error().message));
  }

  void status(std::uint64_t id) {
    const auto& client = ClientAccess::of(*client_);
    const client::Seat seat = client.seat;
    client.cluster->loop->inspect(
        seat, [this, handover = handover_, id](const client::Session* session) {
          std::vector<client::Standing> standings;
          if (session != nullptr) {
            for (const ReplicaId replica : session->cluster().replicas())
              standings.push_back(session->standing(replica));
          }
          const bool joined = session != nullptr && !session->ended();
          handover->post([this, id, joined, standings] {
            finish(id, {200, "application/json", status_text(joined, standings)});
          });
        });
  }

  std::string status_text(bool joined, const std::vector<client::Standing>& standings) const {
    wire::JsonWriter writer;
    writer.begin_object().key("joined").boolean(joined && !joining_);
    writer.key("principal").text(client_->principal()).key("role").text(client_->role());
    writer.key("session").decimal(client_->session_id());
    writer.key("fingerprint").text(cluster_.fingerprint());
    writer.key("faults").small(cluster_.faults());
    writer.key("asked").decimal(asked_).key("refused").decimal(refused_);
    writer.key("replicas").begin_array();
    std::uint32_t id = 0;
    for (const client::Standing& standing : standings) {
      writer.begin_object().key("id").small(id++).key("agreed").decimal(standing.agreed);
      writer.key("differed").decimal(standing.differed).key("silent").decimal(standing.silent);
      writer.key("untrusted").decimal(standing.untrusted).end_object();
    }
    writer.end_array().end_object();
    return std::move(writer).take() + "\n";
  }

  std::vector<std::string> names_;
  Options session_;
  std::shared_ptr<Handover> handover_ = std::make_shared<Handover>();
  Cluster cluster_;
  std::unique_ptr<Client> client_;
  bool joining_ = false;
  std::vector<Waiting> waiting_;  // for joining
  std::size_t outstanding_ = 0;
  std::uint64_t asked_ = 0;
  std::uint64_t refused_ = 0;
  HttpServer server_;  // last: it calls take()
};

net::Fd termination_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&set, signal);
  ENSURE(::sigprocmask(SIG_BLOCK, &set, nullptr) == 0);
  return net::Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

bool is_loopback(const std::string& host) {
  return host.starts_with("127.") || host == "[::1]" || host == "::1";
}

/// Options of the session, and the Failure of an option that cannot be used.
Result<Options, Failure> session_options(const GatewayOptions& options) {
  const auto credential = credential_from(options.client);
  if (!credential) return credential.error();
  Options session;
  session.credential = *credential;
  session.name =
      options.name.empty() ? "gateway-" + to_hex(crypto::random_array<6>()) : options.name;
  session.timeout = std::chrono::seconds(options.client.timeout_s);
  if (options.client.verbose)
    session.log = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
  return session;
}

Status run_gateway(const GatewayOptions& options) {
  const net::Fd signal_fd = termination_signals();  // before there are threads, which inherit them
  const auto session = session_options(options);
  if (!session) return session.error();
  const auto at = wire::address_from(options.listen);
  if (!at) return usage_failure("--listen " + options.listen + " is not ADDRESS:PORT");
  auto listener = net::listen_on(at->host, at->port);
  if (!listener) return usage_failure(listener.error().message);
  std::vector<std::string> names = options.names;
  names.insert(names.end(), {"127.0.0.1", "localhost", "[::1]", at->host});

  // Programs wait for answers, not for a fuller list of who agreed.
  auto cluster = attempt([&] {
    return Cluster(options.client.cluster, std::chrono::milliseconds(0),
                   options.client.authorities);
  });
  if (!cluster) return cluster.error();
  if (const Status good = check_fingerprint(*cluster, options.client); !good) return good.error();
  auto client = attempt([&] { return Client(*cluster, *session); });
  if (!client) return client.error();
  auto poller = net::Poller::create();
  if (!poller) return failure("system", poller.error());
  const std::string port = std::to_string(net::local_port(*listener));
  std::printf("joined as %s (%s)\n", client->principal().c_str(), client->role().c_str());
  if (!is_loopback(at->host))
    std::printf("not on the loopback: whoever reaches this address acts as this principal\n");
  std::printf("READY http://%s:%s\n", at->host.c_str(), port.c_str());
  std::fflush(stdout);
  const LocalGateway gateway(*poller, std::move(*listener), std::move(names), *session,
                             std::move(*cluster), std::move(*client));
  bool stop = false;
  poller->watch(signal_fd.get(), EPOLLIN, [&](std::uint32_t) { stop = true; });
  while (!stop) poller->wait(never);
  return {};
}

}  // namespace

void add_gateway(arguments::Command app, Chosen& chosen) {
  auto options = std::make_shared<GatewayOptions>();
  arguments::Command command = app.add_command(
      "gateway", "Join, and answer programs on this machine: JSON over HTTP, until Ctrl-C");
  command.add_option("--listen", options->listen, "ADDRESS:PORT, numeric").shows_default();
  command.add_option("--host", options->names,
                     "A name that requests may call the gateway by, beside the loopback's and the "
                     "address; repeatable");
  command.add_option("--name", options->name,
                     "Of the session, for the application's authorize (default: drawn anew)");
  add_client_options(command, options->client);
  add_json_flag(command, chosen);
  command.when_chosen(
      [&chosen, options] { chosen.run = [options] { return run_gateway(*options); }; });
}

}  // namespace prytany::cli
