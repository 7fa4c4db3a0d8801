# Every .cpp in a folder belongs to the folder's target, so adding a file needs no CMake edit.
include(GNUInstallDirs)

# prytany_join(NAME): where PRYTANY_JOIN is on, the target's files are compiled eight at a time.
# What is in the headers (CLI11, gtest, the variants of messages) is then compiled once for eight,
# which about halves their time. Only for folders that are not the protocol: there every
# file stands alone, as all do where it is off. What such a folder costs is compiling it: with
# sanitizers and without optimisation it is compiled in two fifths of the time.
function(prytany_join name)
  if(PRYTANY_JOIN)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    target_compile_options(${name} PRIVATE $<$<CONFIG:Debug>:-O0>)
  endif()
endfunction()

# prytany_library(NAME [EXCLUDE file...] [APART file...] DEPENDS target...): the .cpp files of this
# folder. A folder without .cpp (headers only) is an INTERFACE library of the same name.
# For fuzzing, where instrumented code is dear to compile and ./check waits for it, all files of a
# folder are compiled at once, those named after APART as a second lot: names that one of these
# keeps to itself are used by another file, too.
function(prytany_library name)
  cmake_parse_arguments(ARG "" "" "EXCLUDE;APART;DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  foreach(excluded IN LISTS ARG_EXCLUDE)
    list(REMOVE_ITEM sources ${CMAKE_CURRENT_SOURCE_DIR}/${excluded})
  endforeach()
  if(sources)
    add_library(${name} STATIC ${sources})
    set(scope PUBLIC)
    if(PRYTANY_FUZZ)
      set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
      set_source_files_properties(${sources} PROPERTIES UNITY_GROUP ${name})
      if(ARG_APART)
        set_source_files_properties(${ARG_APART} PROPERTIES UNITY_GROUP ${name}_apart)
      endif()
    endif()
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${name} ${scope} $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  target_link_libraries(${name} ${scope} ${ARG_DEPENDS})
endfunction()

# prytany_program(NAME source target...): one executable, skipped while its source does not exist.
function(prytany_program name source)
  file(GLOB found CONFIGURE_DEPENDS ${source})
  if(found)
    add_executable(${name} ${found})
    target_link_libraries(${name} PRIVATE ${ARGN})
  endif()
endfunction()

# prytany_fast_malloc(NAME): mimalloc in the place of the C library's malloc; sanitizers bring their
# own. For replicas and the simulator, which spend a seventh of their time in malloc and free.
function(prytany_fast_malloc name)
  if(NOT PRYTANY_SANITIZE)
    target_link_libraries(${name} PRIVATE mimalloc)
  endif()
endfunction()

# prytany_test(NAME FOLDER target...): one executable of all *_test.cpp in FOLDER, each TEST known
# to ctest by its own name, so that one that aborts hides no other.
function(prytany_test name folder)
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cpp)
  if(NOT sources OR NOT PRYTANY_TESTS)
    return()
  endif()
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE ${ARGN} GTest::gmock GTest::gtest_main)
  prytany_join(${name})
  # Tests find vectors, plays and sample applications from the root of the source tree.
  target_compile_definitions(${name} PRIVATE PRYTANY_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 TEST_PREFIX "${name}."
                       WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} PROPERTIES TIMEOUT 300)
  add_dependencies(unit_tests ${name})
endfunction()
if(PRYTANY_TESTS)
  include(GoogleTest)
  add_custom_target(unit_tests)  # all that ctest runs, and nothing else
endif()
