#include "vfs/page_store.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/unit/vfs/memory_files.h"
#include "tests/unit/vfs/support.h"

namespace prytany::vfs {
namespace {

void round_up(Bytes& image) {
  image.resize((image.size() + page_bytes - 1) / page_bytes * page_bytes);
}

// The store beside a plain vector that is what the store claims to be.
class Model {
 public:
  explicit Model(PageStore& store) : store_(store) {}

  void write(std::uint64_t offset, ByteView data) {
    ASSERT_TRUE(store_.write(offset, data));
    if (data.empty()) return;
    if (live_.size() < offset + data.size()) live_.resize(offset + data.size());
    round_up(live_);
    std::copy(data.begin(), data.end(), live_.begin() + static_cast<std::ptrdiff_t>(offset));
  }
  void truncate(std::uint64_t size) {
    store_.truncate(size);
    if (size < live_.size()) live_.resize(size);
    round_up(live_);
  }
  void checkpoint() {
    ++label_;
    ASSERT_EQ(store_.checkpoint(Label{label_}), image_root(live_));
    copies_[label_] = live_;
  }
  void discard() {
    if (copies_.empty()) return;
    auto from = copies_.begin();
    std::advance(from, label_ % copies_.size());
    const Label below{from->first};
    store_.discard_below(below);
    copies_.erase(copies_.begin(), from);
  }
  void step(std::mt19937_64& random, std::uint64_t size_max) {
    const std::uint64_t offset = random() % size_max;
    switch (random() % 12) {
      case 0: checkpoint(); break;
      case 1: discard(); break;
      case 2: truncate(random() % size_max); break;
      default: {
        Bytes data(random() % 9000);
        // Often few distinct values, so that writes that change nothing happen.
        for (std::uint8_t& byte : data) byte = static_cast<std::uint8_t>(random() % 3 == 0);
        write(offset, data);
      }
    }
  }
  void check() const {
    ASSERT_EQ(store_.size(), live_.size());
    Bytes read(live_.size() + 100);
    EXPECT_FALSE(store_.read(0, read));
    ASSERT_TRUE(std::equal(live_.begin(), live_.end(), read.begin()));
    ASSERT_EQ(store_.retained().size(), copies_.size());
    for (const auto& [label, copy] : copies_) {
      ASSERT_EQ(image_of(store_, Label{label}), copy) << "checkpoint " << label;
      ASSERT_EQ(store_.root(Label{label}), image_root(copy));
      const CheckpointTree tree(store_, Label{label});
      ASSERT_EQ(tree.root(), image_root(copy));
      ASSERT_TRUE(store_.verify(Label{label}, image_root(copy)).whole);
    }
  }

 private:
  PageStore& store_;
  Bytes live_;
  std::map<std::uint64_t, Bytes> copies_;
  std::uint64_t label_ = 0;
};

TEST(PageStore, is_a_vector_of_bytes_whose_checkpoints_are_copies) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    std::mt19937_64 random(seed);
    NoDisk disk;
    const auto store = new_store(disk);
    Model model(*store);
    for (int step = 0; step < 300; ++step) {
      model.step(random, seed % 2 == 0 ? 40'000 : 400'000);
      if (step % 20 == 0) model.check();
      if (HasFatalFailure()) FAIL() << "seed " << seed << " step " << step;
    }
  }
}

TEST(PageStore, keeps_a_page_clean_that_is_written_with_its_own_bytes) {
  NoDisk disk;
  const auto store = new_store(disk);
  const Bytes data(3 * page_bytes, 7);
  ASSERT_TRUE(store->write(0, data));
  store->checkpoint(Label{1});
  ASSERT_TRUE(store->write(0, data));
  EXPECT_EQ(store->use().retained_pages, 0u);
  ASSERT_TRUE(store->write(page_bytes, Bytes(1, 8)));
  EXPECT_EQ(store->use().retained_pages, 1u);
}

TEST(PageStore, refuses_to_grow_beyond_its_capacity_and_changes_nothing) {
  NoDisk disk;
  const auto store = new_store(disk, 4 * page_bytes);
  EXPECT_TRUE(store->write(3 * page_bytes, Bytes(page_bytes, 1)));
  const Digest before = store->checkpoint(Label{1});
  EXPECT_FALSE(store->write(3 * page_bytes, Bytes(page_bytes + 1, 2)));
  EXPECT_FALSE(store->write(~std::uint64_t{0} - 5, Bytes(10, 2)));
  EXPECT_EQ(store->checkpoint(Label{2}), before);
}

TEST(PageStore, finds_a_page_that_was_damaged_behind_its_back) {
  NoDisk disk;
  const auto store = new_store(disk);
  ASSERT_TRUE(store->write(0, Bytes(40 * page_bytes, 5)));
  const Digest root = store->checkpoint(Label{1});
  EXPECT_TRUE(store->verify(Label{1}, root).whole);
  const_cast<std::uint8_t*>(store->data())[17 * page_bytes + 3] ^= 1;
  const PageStore::Verification found = store->verify(Label{1}, root);
  EXPECT_FALSE(found.whole);
  EXPECT_EQ(found.damaged, std::vector<PageIndex>{17});
}

/// Makes `store` what `other` is at `label`, as a walk would.
Result<void> install_from(PageStore& store, const PageStore& other, Label label) {
  const CheckpointTree theirs(other, label);
  const std::vector<PageIndex> pages = diff(store.tree(), theirs);
  return store.install(label, theirs.root(), other.page_count(label), pages,
                       [&](std::size_t i, PageSlots::PageBuffer out) {
                         std::ranges::copy(other.read_page(label, pages[i]), out.begin());
                         return Result<void>();
                       });
}

TEST(PageStore, installs_the_pages_that_a_walk_found_to_differ) {
  NoDisk disk;
  NoDisk other_disk;
  const auto store = new_store(disk);
  const auto other = new_store(other_disk);
  for (const auto& each : {store.get(), other.get()})
    ASSERT_TRUE(each->write(0, Bytes(500 * page_bytes, 5)));
  ASSERT_TRUE(store->write(77 * page_bytes, Bytes(10, 1)));
  ASSERT_TRUE(other->write(300 * page_bytes + 5, Bytes(2 * page_bytes, 2)));
  ASSERT_TRUE(other->write(520 * page_bytes, Bytes(1, 3)));
  store->checkpoint(Label{1});
  const Digest root = other->checkpoint(Label{9});
  EXPECT_EQ(diff(store->tree(), other->tree()).size(), 1u + 3 + 21);
  ASSERT_TRUE(install_from(*store, *other, Label{9}).ok());
  EXPECT_EQ(store->retained(), std::vector<Label>{Label{9}});
  EXPECT_EQ(store->root(Label{9}), root);
  EXPECT_EQ(image_of(*store, Label{9}), image_of(*other, Label{9}));
}

TEST(PageStore, undoes_what_was_written_after_the_checkpoint_that_a_walk_compared_with) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    std::mt19937_64 random(seed);
    NoDisk disk;
    NoDisk other_disk;
    const auto store = new_store(disk);
    const auto other = new_store(other_disk);
    const auto scribble = [&random](PageStore& into) {
      for (int i = 0; i < 5; ++i)
        ASSERT_TRUE(into.write(random() % 300'000, Bytes(random() % 9000 + 1, std::uint8_t(i))));
      if (random() % 2 == 0) into.truncate(random() % into.size() + 1);
    };
    scribble(*store);
    store->checkpoint(Label{1});
    scribble(*store);
    scribble(*other);
    other->checkpoint(Label{2});
    ASSERT_TRUE(install_from(*store, *other, Label{2}).ok()) << "seed " << seed;
    EXPECT_EQ(image_of(*store, Label{2}), image_of(*other, Label{2})) << "seed " << seed;
    EXPECT_EQ(store->size(), other->size());
  }
}

TEST(PageStore, refuses_installed_pages_that_do_not_add_up_to_the_certified_root) {
  NoDisk disk;
  const auto store = new_store(disk);
  ASSERT_TRUE(store->write(0, Bytes(9 * page_bytes, 5)));
  Digest wrong = store->checkpoint(Label{128});
  wrong.bytes[0] ^= 1;
  const std::vector<PageIndex> one{3};
  const auto zeros = [](std::size_t, PageSlots::PageBuffer out) {
    std::ranges::fill(out, std::uint8_t{0});
    return Result<void>();
  };
  EXPECT_FALSE(store->install(Label{256}, wrong, 9, one, zeros).ok());
}

TEST(PageStore, lends_an_installed_image_to_the_disk_and_is_not_written_until_it_is_durable) {
  MemoryFolder folder;
  MemoryFiles files(folder);
  InlineDisk disk(files);
  NoDisk other_disk;
  const auto store = new_store(disk);
  const auto other = new_store(other_disk);
  store->checkpoint(Label{1});
  ASSERT_TRUE(other->write(0, Bytes(40 * page_bytes, 9)));
  other->checkpoint(Label{2});
  ASSERT_TRUE(install_from(*store, *other, Label{2}).ok());
  ASSERT_TRUE(store->begin_commit(Label{2}).ok());
  EXPECT_DEATH((void)store->write(0, Bytes(1, 1)), "lent_");
  ASSERT_TRUE(store->poll_disk().ok());
  EXPECT_TRUE(store->write(0, Bytes(1, 1)));
}

TEST(PageStore, finds_on_disk_after_a_restart_the_checkpoint_committed_last) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    std::mt19937_64 random(seed);
    MemoryFolder folder;
    std::uint64_t label = 0;
    Bytes last;
    for (int life = 0; life < 6; ++life) {
      MemoryFiles files(folder);
      InlineDisk disk(files);
      const auto store = new_store(disk);
      ASSERT_EQ(store->root(), image_root(last)) << "seed " << seed << " life " << life;
      if (!last.empty()) {
        store->checkpoint(Label{label});
        EXPECT_EQ(store->durable(), Label{label});
      }
      for (std::uint64_t i = random() % 6 + 1; i > 0; --i) {
        files.readers = random() % 2 == 0;
        for (std::uint64_t n = random() % 20; n > 0; --n)
          ASSERT_TRUE(store->write(random() % 300'000, Bytes(random() % 9000, std::uint8_t(n))));
        if (random() % 4 == 0 && store->size() > 0) store->truncate(random() % store->size() + 1);
        store->checkpoint(Label{++label});
        if (random() % 3 == 0) continue;  // stable later, or never
        ASSERT_TRUE(store->begin_commit(Label{label}).ok());
        last = image_of(*store, Label{label});
        if (random() % 2 == 0) store->discard_below(Label{label});
        ASSERT_TRUE(store->poll_disk().ok());
        ASSERT_EQ(store->durable(), Label{label});
      }
      label = store->durable().value_or(Label{0}).value;
    }
  }
}

TEST(PageStore, makes_an_installed_image_durable_even_under_a_label_that_was_durable_before) {
  MemoryFolder folder;
  MemoryFiles files(folder);
  InlineDisk disk(files);
  const auto store = new_store(disk);
  ASSERT_TRUE(store->write(0, Bytes(page_bytes, 1)));
  store->checkpoint(Label{128});
  ASSERT_TRUE(store->begin_commit(Label{128}).ok());
  ASSERT_TRUE(store->poll_disk().ok());
  ASSERT_EQ(store->durable(), Label{128});
  const Bytes image(2 * page_bytes, 9);
  NoDisk other_disk;
  const auto other = new_store(other_disk);
  ASSERT_TRUE(other->write(0, image));
  other->checkpoint(Label{128});
  ASSERT_TRUE(install_from(*store, *other, Label{128}).ok());
  ASSERT_TRUE(store->poll_disk().ok());
  EXPECT_EQ(store->durable(), std::nullopt);
  ASSERT_TRUE(store->begin_commit(Label{128}).ok());
  ASSERT_TRUE(store->poll_disk().ok());
  EXPECT_EQ(store->durable(), Label{128});
  MemoryFiles again(folder);
  InlineDisk disk_again(again);
  EXPECT_EQ(new_store(disk_again)->root(), image_root(image));
}

}  // namespace
}  // namespace prytany::vfs
