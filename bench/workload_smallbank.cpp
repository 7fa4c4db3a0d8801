// SmallBank (Alomari, Cahill, Fekete, Roehm, ICDE 2008): six procedures over savings and checking
// accounts. Each answers what it added to the bank, so that the total can be checked to the cent.
#include <algorithm>
#include <array>
#include <cstdio>

#include "bench/workload_parts.h"

namespace prytany::bench {
namespace {

constexpr std::uint64_t bank_customers = 100'000;
constexpr std::int64_t opening_cents = 1'000'000;  // in each of the two accounts
/// A quarter of the customers are hot, and nine of ten operations are theirs.
constexpr std::uint64_t hot_customers_percent = 25;
constexpr std::uint64_t hot_operations_percent = 90;
constexpr const char* no_cover = "no_cover";

const std::string one_customer = "-- @param name text(16)\n";
const std::string two_customers = "-- @param payer text(16)\n-- @param payee text(16)\n";
const std::string some_cents = "-- @param amount integer\n";
const std::string for_clients = "-- @roles client\n";

std::string find_customer(const std::string& parameter, const std::string& id) {
  return "SELECT id AS \":" + id + "\" FROM customers WHERE name = :" + parameter + ";\n";
}

Files smallbank_files() {
  const std::string by_name = find_customer("name", "id");
  const std::string by_names = find_customer("payer", "source") + find_customer("payee", "target");
  return {{"schema/001_bank.sql",
           "CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);\n"
           "CREATE TABLE savings(id INTEGER PRIMARY KEY, cents INTEGER NOT NULL);\n"
           "CREATE TABLE checking(id INTEGER PRIMARY KEY, cents INTEGER NOT NULL);\n"},
          {"procedures/balance.sql",
           one_customer + for_clients + "-- @read-only\n" + by_name +
               "SELECT s.cents + c.cents AS total FROM savings s, checking c\n"
               "WHERE s.id = :id AND c.id = :id;\n"},
          {"procedures/deposit_checking.sql",
           one_customer + some_cents + for_clients + by_name +
               "UPDATE checking SET cents = cents + :amount WHERE id = :id;\n"
               "SELECT :amount AS added;\n"},
          {"procedures/transact_savings.sql",
           one_customer + some_cents + for_clients + by_name +
               "SELECT cents AS \":cents\" FROM savings WHERE id = :id;\n"
               "SELECT ensure(:cents + :amount >= 0, 'no_cover', 'not that much in savings');\n"
               "UPDATE savings SET cents = cents + :amount WHERE id = :id;\n"
               "SELECT :amount AS added;\n"},
          {"procedures/amalgamate.sql",
           two_customers + for_clients + by_names +
               "SELECT s.cents + c.cents AS \":cents\" FROM savings s, checking c\n"
               "WHERE s.id = :source AND c.id = :source;\n"
               "UPDATE savings SET cents = 0 WHERE id = :source;\n"
               "UPDATE checking SET cents = 0 WHERE id = :source;\n"
               "UPDATE checking SET cents = cents + :cents WHERE id = :target;\n"
               "SELECT 0 AS added;\n"},
          {"procedures/write_check.sql",
           one_customer + some_cents + for_clients + by_name +
               "SELECT iif(s.cents + c.cents < :amount, :amount + 100, :amount) AS \":drawn\"\n"
               "FROM savings s, checking c WHERE s.id = :id AND c.id = :id;\n"
               "UPDATE checking SET cents = cents - :drawn WHERE id = :id;\n"
               "SELECT -:drawn AS added;\n"},
          {"procedures/send_payment.sql",
           two_customers + some_cents + for_clients + by_names +
               "SELECT cents AS \":cents\" FROM checking WHERE id = :source;\n"
               "SELECT ensure(:cents >= :amount, 'no_cover', 'not that much in checking');\n"
               "UPDATE checking SET cents = cents - :amount WHERE id = :source;\n"
               "UPDATE checking SET cents = cents + :amount WHERE id = :target;\n"
               "SELECT 0 AS added;\n"}};
}

std::string customer_name(std::uint64_t customer) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "c%08llu", static_cast<unsigned long long>(customer));
  return text.data();
}

class SmallBank {
 public:
  SmallBank(std::uint64_t customers, std::uint64_t seed, bool fast)
      : customers_(customers), seed_(seed), fast_(fast) {}

  Question operator()(unsigned client, std::uint64_t n) const {
    Dice dice(seed_, client, n);
    const std::uint64_t first = customer(dice);
    std::uint64_t second = customer(dice);
    if (second == first) second = (first + 1) % customers_;
    const wire::Argument name = text_argument("name", customer_name(first));
    const wire::Argument payer = text_argument("payer", customer_name(first));
    const wire::Argument payee = text_argument("payee", customer_name(second));
    const auto cents = [&](std::int64_t low, std::int64_t high) {
      return integer_argument("amount", dice.between(low, high));
    };
    // The shares of H-Store's and BenchBase's SmallBank.
    const std::uint64_t percent = dice.below(100);
    if (percent < 15) return {call_of("amalgamate", {payer, payee})};
    if (percent < 30) return {call_of("balance", {name}), fast_, 1};
    if (percent < 45) return {call_of("deposit_checking", {name, cents(1, 10'000)})};
    if (percent < 70) return {call_of("send_payment", {payer, payee, cents(1, 50'000)})};
    if (percent < 85) return {call_of("transact_savings", {name, cents(-20'000, 20'000)})};
    return {call_of("write_check", {name, cents(1, 50'000)})};
  }

 private:
  [[nodiscard]] std::uint64_t customer(Dice& dice) const {
    const std::uint64_t hot = std::max<std::uint64_t>(1, customers_ * hot_customers_percent / 100);
    return dice.below(dice.below(100) < hot_operations_percent ? hot : customers_);
  }

  std::uint64_t customers_;
  std::uint64_t seed_;
  bool fast_;
};

Judged judge_smallbank(const Question& question, const wire::Outcome& outcome) {
  if (const auto* error = std::get_if<wire::ErrorReply>(&outcome))
    return error->code.text == no_cover ? Judged{} : Judged{described(outcome)};
  const wire::ResultSet* result = result_of(outcome);
  if (result == nullptr || result->rows.items.size() != 1 ||
      result->rows.items[0].items.size() != 1)
    return {described(outcome)};
  const auto* cents = std::get_if<std::int64_t>(result->rows.items[0].items.data());
  if (cents == nullptr) return {described(outcome)};
  return {{}, question.about == 1 ? 0 : *cents};
}

}  // namespace

Result<Workload> smallbank_workload(const WorkloadOptions& options) {
  const std::uint64_t customers = options.records.value_or(bank_customers);
  Workload workload;
  workload.name = "smallbank";
  workload.application = application_of(smallbank_files());
  const std::string cents = std::to_string(opening_cents);
  for (const std::string& insert :
       {std::string("INSERT INTO customers SELECT i, printf('c%08d', i) FROM n"),
        "INSERT INTO savings SELECT i, " + cents + " FROM n",
        "INSERT INTO checking SELECT i, " + cents + " FROM n"})
    for (wire::Operation& operation : in_stretches(with_numbers + insert, customers, 10'000))
      workload.setup.push_back(std::move(operation));
  workload.next = SmallBank(customers, options.seed, !options.ordered_reads);
  workload.judge = judge_smallbank;
  const auto opening = 2 * static_cast<std::int64_t>(customers) * opening_cents;
  workload.checks = {
      effect_check("cents in the bank",
                   "SELECT (SELECT sum(cents) FROM savings) + (SELECT sum(cents) FROM checking)",
                   opening),
      constant_check("savings below nothing", "SELECT count(*) FROM savings WHERE cents < 0", 0)};
  return workload;
}

}  // namespace prytany::bench
