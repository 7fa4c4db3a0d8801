// Planted faults: bugs that the simulator can put in on purpose, one at a time. A checker that
// cannot fail is a defect, so each has a plant that it must catch (tests/unit/sim/plant_test.cpp).
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace prytany::sim {

enum class Plant {
  none,
  page_byte,       // one byte of one replica's database changes in memory
  execute_twice,   // every replica applies a request twice and answers as if once
  wrong_answer,    // every replica gives one wrong row
  lying_sync,      // one replica's journal says synced, and has not written
  forgotten_vote,  // one replica's votes to prepare never reach its journal
  changed_vote,    // one replica votes for another digest than it wrote down
  lost_image,      // one replica's state.db says durable, and is not
  deaf_client,     // one client never hears from anybody
  blind_journal,   // one replica takes damage of its journal for an empty disk
  ignored_error,   // one replica does not look whether its journal was written
  enough_for_all,  // every replica takes one approval for enough
  wrong_stop,      // one replica that met its fate stops for a reason that is not of it
  any_time,        // every replica accepts any agreed time
  liars_too_many,  // no bug: one more than f lie, and tell the same two stories
  quorum_lost,     // no bug: with `durability: none`, more than f lose what they knew
};

struct PlantName {
  Plant plant;
  std::string_view name;
  std::string_view caught_by;  // the checker that must fire: the start of its violation
};

inline constexpr std::array<PlantName, 15> plants{{
    {Plant::page_byte, "page-byte", "state"},
    {Plant::execute_twice, "execute-twice", "reference"},
    {Plant::wrong_answer, "wrong-answer", "reference"},
    {Plant::lying_sync, "lying-sync", "persist before send"},
    {Plant::forgotten_vote, "forgotten-vote", "memory"},
    {Plant::changed_vote, "changed-vote", "persist before send"},
    {Plant::lost_image, "lost-image", "restart"},
    {Plant::deaf_client, "deaf-client", "liveness"},
    {Plant::blind_journal, "blind-journal", "atlas"},
    {Plant::ignored_error, "ignored-error", "fault"},
    {Plant::enough_for_all, "enough-for-all", "configurations"},
    {Plant::wrong_stop, "wrong-stop", "fault"},
    {Plant::any_time, "any-time", "agreed time"},
    {Plant::liars_too_many, "liars-too-many", "agreement"},
    {Plant::quorum_lost, "quorum-lost", "agreement"},
}};

inline std::optional<Plant> plant_named(std::string_view name) {
  for (const PlantName& each : plants) {
    if (each.name == name) return each.plant;
  }
  return std::nullopt;
}

}  // namespace prytany::sim
