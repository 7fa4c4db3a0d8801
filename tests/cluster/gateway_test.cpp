// `prytany gateway` as a program in another language meets it: the Python script of
// docs/how-to/use-from-any-language.md, run as it stands there.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "server/cli/demo_checks.h"
#include "tests/cluster/background.h"
#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// Asks what is not polite, and prints each answer's status and code.
constexpr const char* rude_script = R"python(
import http.client, json, sys

def ask(method, path, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
    connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
    reply = connection.getresponse()
    print(reply.status, json.loads(reply.read()).get("error", {}).get("code"))

as_json = {"content_type": "application/json"}
ask("GET", "/read/entries", host="evil.example")
ask("POST", "/call/sign", '{"text":"x"}', origin="http://evil.example", **as_json)
ask("POST", "/call/sign", '{"text":"x"}', content_type="text/plain")
ask("POST", "/call/sign", "x" * (3 << 20), **as_json)
ask("POST", "/call/sign", iter([b"{}"]), **as_json)
ask("POST", "/call/sign", '{"text":"x"', **as_json)
ask("POST", "/call/nothing", "{}", **as_json)
ask("POST", "/sql", '{"sql":"SELECT 1"}', **as_json)
ask("GET", "/read/sign?text=x")
ask("GET", "/read/entries")
)python";

/// What a program that keeps accounts asks.
constexpr const char* steps_script = R"python(
import http.client, json, sys

def ask(path, body):
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
    connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
    reply = connection.getresponse()
    return reply.status, json.loads(reply.read())

def transaction(*steps, **more):
    status, said = ask("/transaction", {"steps": steps, **more})
    if "error" in said:
        return print(status, said["error"]["code"], said["error"]["statement"])
    print(status, *("ran %d" % step["changes"] if step["ran"] else
                    "skipped" if step["skipped"] else step["error"]["code"]
                    for step in said["steps"]))

def transfer(amount):
    transaction(
        {"sql": "UPDATE account SET cents = cents - ? WHERE id = 1 AND cents >= ?",
         "arguments": [amount, amount]},
        {"sql": "UPDATE account SET cents = cents + ? WHERE id = 2", "arguments": [amount],
         "when": {"changed": 0}},
        {"sql": "SELECT 'poor'", "when": {"not": {"changed": 0}}})

ask("/sql", {"sql": "CREATE TABLE account(id INTEGER PRIMARY KEY, cents INTEGER)"})
ask("/sql", {"sql": "INSERT INTO account VALUES (1, 100), (2, 0)"})
transfer(70)
transfer(70)
again = {"sql": "INSERT INTO account VALUES (1, 0)"}
transaction({**again, "may_fail": True},
            {"sql": "UPDATE account SET cents = 0 WHERE id = 1", "when": {"error": 0}},
            {"sql": "DELETE FROM account", "when": {"all": [{"ok": 0}, {"rows": 1}]}})
transaction({"sql": "DELETE FROM account"}, again, {**again, "when": {"ok": 0}})
transaction({"sql": "SELECT 1", "when": {"ok": 0}})
transaction({"sql": "SELECT 1"}, {"sql": "DELETE FROM account"}, read_only=True)
transaction({"sql": "SELECT 1"}, {"sql": "SELECT 2", "when": {"rows": 0}}, read_only=True)
print(ask("/sql", {"sql": "SELECT id, cents FROM account"})[1]["rows"])
)python";

/// What an administrator's program asks.
constexpr const char* sql_script = R"python(
import http.client, json, sys

def ask(path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
    connection.request("POST" if body else "GET", path, json.dumps(body) if body else None,
                       {"content-type": "application/json"})
    reply = connection.getresponse()
    return reply.status, json.loads(reply.read())

def sql(statement, **more):
    status, said = ask("/sql", {"sql": statement, **more})
    print(status, said.get("rows", said.get("error", {}).get("code")))

if sys.argv[2] == "many":
    sql("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
    sql("INSERT INTO t VALUES (?, ?)", arguments=[9223372036854775807, {"base64": "AP8="}])
    sql("INSERT INTO t VALUES (:a, :b)", arguments={"a": 9223372036854775807, "b": 1})
    sql("SELECT a, b FROM t", read_only=True)
    sql("DELETE FROM t", read_only=True)
    status, said = ask("/transaction", {"steps": [
        {"sql": "INSERT INTO t VALUES (1, 'x')"}, {"sql": "SELECT count(*) FROM t"}]})
    print(status, [step["changes"] for step in said["steps"]], said["steps"][1]["rows"])
    print(ask("/transaction", {"steps": [
        {"sql": "DELETE FROM t"}, {"sql": "INSERT INTO nowhere VALUES (1)"}]})[0])
    sql("SELECT count(*) FROM t")
    status, said = ask("/status")
    print(status, said["joined"], len(said["replicas"]))
else:
    status, said = ask("/sql", {"sql": "INSERT INTO t VALUES (2, 'y')"})
    print(status, said["error"]["code"], said["error"]["may_have_run"])
)python";

class Gateway : public testing::Test {
 protected:
  Gateway() {
    const Ran installed = run({"install", PRYTANY_SOURCE_DIR "/examples/guestbook", "--cluster",
                               cluster_.genesis(), "--key", cluster_.admin_key()});
    EXPECT_EQ(installed.exit_code, 0) << installed.errors;
    const std::string page = text_of(PRYTANY_SOURCE_DIR "/docs/how-to/use-from-any-language.md");
    const std::string fence = "```python\n";
    const std::size_t begin = page.find(fence) + fence.size();
    write("example.py", page.substr(begin, page.find("```", begin) - begin));
    write("rude.py", rude_script);
    write("sql.py", sql_script);
    write("steps.py", steps_script);
  }

  [[nodiscard]] std::string file(const std::string& name) const {
    return folder_.path() + "/" + name;
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(file(name)) << text;
  }
  /// A gateway of a guest of its own.
  std::unique_ptr<Background> start(const std::string& guest) {
    const std::string key = file(guest + ".pem");
    EXPECT_EQ(std::system(("openssl genpkey -algorithm ed25519 -out " + key + " 2>&1").c_str()), 0);
    std::filesystem::permissions(
        key, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    return start_with(key);
  }
  std::unique_ptr<Background> start_with(const std::string& key) {
    port_ = cli::free_base_port(24'000, 4);
    auto gateway = std::make_unique<Background>(std::vector<std::string>{
        "gateway", "--cluster", cluster_.genesis(), "--key", key, "--listen",
        "127.0.0.1:" + std::to_string(port_), "--timeout", "5"});
    EXPECT_THAT(gateway->line_with("READY"), HasSubstr(":" + std::to_string(port_)));
    return gateway;
  }
  /// What a script prints, of the gateway that was started last.
  [[nodiscard]] std::string python(const std::string& script, const std::string& word = "") const {
    const std::string port = std::to_string(port_);
    const std::string command = "no_proxy='*' GATEWAY=http://127.0.0.1:" + port + " python3 " +
                                file(script) + " " + port + " " + word + " > " + file("out") +
                                " 2>&1";
    EXPECT_EQ(std::system(command.c_str()), 0) << text_of(file("out"));
    return text_of(file("out"));
  }

  TestFolder folder_;
  TestCluster cluster_;
  std::uint16_t port_ = 0;
};

TEST_F(Gateway, a_python_program_asks_and_goes_on_when_a_replica_is_killed) {
  const auto anna = start("anna");
  EXPECT_EQ(python("example.py"), "signed as number 1\n1 Hello from Python\n");
  EXPECT_EQ(python("example.py"), "not signed: already_signed 422\n1 Hello from Python\n");
  cluster_.kill(0);  // the primary
  EXPECT_EQ(python("example.py"), "not signed: already_signed 422\n1 Hello from Python\n");
  const auto bert = start("bert");
  EXPECT_THAT(python("example.py"), StartsWith("signed as number 2\n"));
  EXPECT_EQ(anna->end(SIGTERM), 0);
  EXPECT_EQ(bert->end(SIGTERM), 0);
}

TEST_F(Gateway, refuses_pages_bodies_that_are_too_long_and_what_it_does_not_understand) {
  const auto anna = start("anna");
  EXPECT_EQ(python("rude.py"),
            "403 foreign_host\n"
            "403 foreign_page\n"
            "415 not_json\n"
            "413 bad_request\n"
            "411 bad_request\n"
            "400 malformed\n"
            "404 unknown_procedure\n"
            "403 not_allowed\n"
            "404 unknown_procedure\n"
            "200 None\n");
  EXPECT_EQ(python("example.py"), "signed as number 1\n1 Hello from Python\n")
      << "nothing of that has signed";
}

TEST_F(Gateway, joins_anew_when_its_session_was_ended) {
  const auto anna = start("anna");
  EXPECT_THAT(python("example.py"), StartsWith("signed as number 1\n"));
  const Ran ended = run({"sql", "DELETE FROM prytany_sessions WHERE role = 'guest'", "--cluster",
                         cluster_.genesis(), "--key", cluster_.admin_key()});
  ASSERT_EQ(ended.exit_code, 0) << ended.errors;
  // Until it has heard so from f+1 replicas.
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_THAT(python("example.py"), StartsWith("not signed: already_signed 422\n"));
}

TEST_F(Gateway, runs_sql_and_says_when_nobody_can_tell_whether_it_ran) {
  const auto admin = start_with(cluster_.admin_key());
  EXPECT_EQ(python("sql.py", "many"),
            "200 []\n"
            "200 []\n"
            "409 SQLITE_CONSTRAINT_PRIMARYKEY\n"
            "200 [['9223372036854775807', {'base64': 'AP8='}]]\n"
            "400 not_read_only\n"
            "200 [1, 0] [[2]]\n"
            "422\n"
            "200 [[2]]\n"
            "200 True 4\n");
  cluster_.kill(1);
  cluster_.kill(2);
  EXPECT_EQ(python("sql.py", "one"), "504 outcome_unknown True\n");
}

TEST_F(Gateway, runs_steps_that_depend_on_each_other_in_one_transaction) {
  const auto admin = start_with(cluster_.admin_key());
  EXPECT_EQ(python("steps.py"),
            "200 ran 1 ran 1 skipped\n"
            "200 ran 0 skipped ran 0\n"
            "200 SQLITE_CONSTRAINT_PRIMARYKEY ran 1 skipped\n"
            "409 SQLITE_CONSTRAINT_PRIMARYKEY 3\n"
            "400 bad_condition 1\n"
            "400 not_read_only 2\n"
            "200 ran 0 ran 0\n"
            "[[1, 0], [2, 70]]\n");
}

}  // namespace
}  // namespace prytany::cluster_tests
