#include "server/app/meter.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "server/base/ensure.h"

/// Of all handles, since the process began.
extern "C" unsigned long long prytany_sqlite_work;
/// Of the statement that was prepared last, and the most that is allowed.
extern "C" unsigned long long prytany_sqlite_planning;
extern "C" const unsigned long long prytany_sqlite_planning_max;

namespace prytany::app {
namespace {

// SQLite is built for one thread, and so is this. It is process-wide because SQLite's allocator is;
// one request executes at a time.
struct Meter {
  MeterReading reading;
  std::uint32_t epoch = 0;      // of requests: what an older one allocated is not this one's
  std::uint64_t work_seen = 0;  // while counting: of SQLite's, up to where it is in the reading
  bool counting = false;
  bool refused = false;      // by malloc
  bool in_cache = false;     // inside the page cache: sizes are not values
  bool in_database = false;  // inside the page cache of a database: what is loaded is not counted
  sqlite3_pcache_methods2 cache{};
  std::vector<sqlite3_pcache*> databases;
};
Meter meter;

/// In front of each block. Eight bytes and no more: SQLite's journal asks for many blocks of 1024,
/// and malloc is quick up to 1032. Epochs may wrap, since no counted block outlives its handle, and
/// so a checkpoint interval.
struct Header {
  std::uint32_t size;
  std::uint32_t epoch;  // 0: not counted
};
static_assert(sizeof(Header) == 8);

Header* header_of(void* block) { return static_cast<Header*>(block) - 1; }

std::uint32_t count(std::size_t size) {
  if (!meter.counting || meter.in_database) return 0;
  meter.reading.allocated += size;
  meter.reading.live += static_cast<std::int64_t>(size);
  if (!meter.in_cache) meter.reading.largest = std::max<std::uint64_t>(meter.reading.largest, size);
  return meter.epoch;
}
void uncount(const Header& header) {
  if (header.epoch != 0 && header.epoch == meter.epoch)
    meter.reading.live -= static_cast<std::int64_t>(header.size);
}

// The rollback journal of a small transaction is nine blocks of 1024 bytes, made and freed with
// every request: more than malloc keeps at hand for one thread. Keeping them here makes an insert
// 10 % cheaper.
constexpr std::size_t journal_block_bytes = 1024;
std::array<Header*, 64> spare_blocks;
std::size_t spare_count = 0;

void* refused() {
  meter.refused = true;
  return nullptr;
}

void* meter_malloc(int size) {
  const auto bytes = static_cast<std::size_t>(size);
  const bool reuse = bytes == journal_block_bytes && spare_count > 0;
  auto* header = reuse ? spare_blocks[--spare_count]
                       : static_cast<Header*>(std::malloc(bytes + sizeof(Header)));
  if (header == nullptr) return refused();
  *header = {static_cast<std::uint32_t>(bytes), count(bytes)};
  return header + 1;
}
void meter_free(void* block) {
  Header* header = header_of(block);
  uncount(*header);
  if (header->size == journal_block_bytes && spare_count < spare_blocks.size()) {
    spare_blocks[spare_count++] = header;
  } else {
    std::free(header);
  }
}
void* meter_realloc(void* block, int size) {
  const auto bytes = static_cast<std::size_t>(size);
  const Header old = *header_of(block);
  auto* header = static_cast<Header*>(std::realloc(header_of(block), bytes + sizeof(Header)));
  if (header == nullptr) return refused();
  uncount(old);
  *header = {static_cast<std::uint32_t>(bytes), count(bytes)};
  return header + 1;
}
int meter_size(void* block) { return static_cast<int>(header_of(block)->size); }
int meter_roundup(int size) { return (size + 7) & ~7; }
int meter_init(void*) { return SQLITE_OK; }
void meter_shutdown(void*) {}

sqlite3_pcache* cache_create(int page, int extra, int purgeable) {
  sqlite3_pcache* cache = meter.cache.xCreate(page, extra, purgeable);
  // Temporary tables live in memory, and so in caches that cannot be purged.
  if (cache != nullptr && purgeable != 0) meter.databases.push_back(cache);
  return cache;
}
void cache_destroy(sqlite3_pcache* cache) {
  std::erase(meter.databases, cache);
  meter.cache.xDestroy(cache);
}
sqlite3_pcache_page* cache_fetch(sqlite3_pcache* cache, unsigned key, int create) {
  if (!meter.counting) return meter.cache.xFetch(cache, key, create);
  meter.in_cache = true;
  meter.in_database =
      std::find(meter.databases.begin(), meter.databases.end(), cache) != meter.databases.end();
  sqlite3_pcache_page* page = meter.cache.xFetch(cache, key, create);
  if (page != nullptr) {
    ++meter.reading.pages;
    if (meter.in_database) meter.reading.last_page = std::max(meter.reading.last_page, key);
  }
  meter.in_cache = meter.in_database = false;
  return page;
}

bool install() {
  static sqlite3_mem_methods memory = {meter_malloc,  meter_free, meter_realloc,  meter_size,
                                       meter_roundup, meter_init, meter_shutdown, nullptr};
  if (sqlite3_config(SQLITE_CONFIG_MALLOC, &memory) != SQLITE_OK) return false;
  // SQLite's small blocks of its own would not be counted while there are any, and how many there
  // are depends on what the handle was asked before.
  if (sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK) return false;
  if (sqlite3_config(SQLITE_CONFIG_GETPCACHE2, &meter.cache) != SQLITE_OK) return false;
  static sqlite3_pcache_methods2 cache = meter.cache;
  cache.xCreate = cache_create;
  cache.xDestroy = cache_destroy;
  cache.xFetch = cache_fetch;
  return sqlite3_config(SQLITE_CONFIG_PCACHE2, &cache) == SQLITE_OK;
}

void count_work() {
  if (meter.counting) meter.reading.work += prytany_sqlite_work - meter.work_seen;
  meter.work_seen = prytany_sqlite_work;
}

// Before main(): SQLite takes these only before its first use, whoever that is.
const bool meter_in_place = install();

}  // namespace

void meter_start() {
  meter.reading = {};
  meter.counting = false;
  meter.refused = false;
  if (++meter.epoch == 0) meter.epoch = 1;
}
const MeterReading& meter_reading() {
  count_work();
  return meter.reading;
}
bool memory_was_refused() { return meter.refused; }
void meter_value(std::size_t bytes) {
  meter.reading.largest = std::max<std::uint64_t>(meter.reading.largest, bytes);
}

std::uint64_t planning() { return prytany_sqlite_planning; }
bool too_much_to_plan() { return prytany_sqlite_planning > prytany_sqlite_planning_max; }

MeterScope::MeterScope(bool on) : before_(meter.counting) {
  count_work();
  meter.counting = on;
}
MeterScope::~MeterScope() {
  count_work();
  meter.counting = before_;
}

void ensure_metered() { ENSURE(meter_in_place); }

}  // namespace prytany::app
