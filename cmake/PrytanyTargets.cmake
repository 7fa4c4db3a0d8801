# Every .cpp in a folder belongs to the folder's target, so adding a file needs no CMake edit.
include(GNUInstallDirs)

# Where PRYTANY_JOIN is on, many files are compiled as one: what is in the headers (the variants of
# messages, JSON, gtest) is then compiled once for all of them, which halves what a build takes.
# Where it is off every file stands alone.

# prytany_join(NAME): the target's files, 24 at a time. Only for folders that are not the protocol:
# what such a folder costs is compiling it, and with sanitizers and without optimisation it is
# compiled in two fifths of the time.
function(prytany_join name)
  if(PRYTANY_JOIN)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE BATCH
                          UNITY_BUILD_BATCH_SIZE 24)
    target_compile_options(${name} PRIVATE $<$<CONFIG:Debug>:-O0>)
    if(PRYTANY_COUNTERS)
      target_compile_options(${name} PRIVATE -fno-sanitize-coverage=inline-8bit-counters,pc-table)
    endif()
  endif()
endfunction()

# prytany_join_harness(NAME): the same for what tries the servers and is none: it waits for them, or
# spends its time in their code, and without the dear optimisations it is compiled in three quarters
# of the time.
function(prytany_join_harness name)
  prytany_join(${name})
  if(PRYTANY_JOIN)
    target_compile_options(${name} PRIVATE $<$<NOT:$<CONFIG:Debug>>:-O1>)
  endif()
endfunction()

# prytany_join_folder(NAME LIBRARY file...): these files of one folder at once, those that LIBRARY
# says are APART as a second lot: names that one of these keeps to itself are used by another file,
# too.
function(prytany_join_folder name library)
  set(apart_files)
  get_target_property(apart ${library} PRYTANY_APART)
  foreach(source IN LISTS ARGN)
    get_filename_component(file ${source} NAME)
    if(file IN_LIST apart)
      list(APPEND apart_files ${source})
    endif()
  endforeach()
  set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  set_source_files_properties(${ARGN} PROPERTIES UNITY_GROUP ${library})
  if(apart_files)
    set_source_files_properties(${apart_files} PROPERTIES UNITY_GROUP ${library}_apart)
  endif()
endfunction()

# prytany_library(NAME [EXCLUDE file...] [APART file...] DEPENDS target...): the .cpp files of this
# folder. A folder without .cpp (headers only) is an INTERFACE library of the same name.
function(prytany_library name)
  cmake_parse_arguments(ARG "" "" "EXCLUDE;APART;DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  foreach(excluded IN LISTS ARG_EXCLUDE)
    list(REMOVE_ITEM sources ${CMAKE_CURRENT_SOURCE_DIR}/${excluded})
  endforeach()
  if(sources)
    add_library(${name} STATIC ${sources})
    set(scope PUBLIC)
    set_target_properties(${name} PROPERTIES PRYTANY_APART "${ARG_APART}")
    if(PRYTANY_JOIN)
      prytany_join_folder(${name} ${name} ${sources})
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
