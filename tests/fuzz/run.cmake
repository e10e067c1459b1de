# One short run of a fuzzer, as a test:
#
#   cmake -D PROGRAM=... -D CORPUS=... -D DICTIONARY=... -D WORK=... -P run.cmake
#
# The corpus is copied: what a run finds belongs into the repository only when somebody puts it there.
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK}/corpus)
file(GLOB files ${CORPUS}/*)
if(files)
  file(COPY ${files} DESTINATION ${WORK}/corpus)
endif()
set(options -max_total_time=10 -max_len=65536 -timeout=60 -print_final_stats=1)
if(EXISTS ${DICTIONARY})
  list(APPEND options -dict=${DICTIONARY})
endif()
execute_process(
  COMMAND ${PROGRAM} ${options} -artifact_prefix=${WORK}/ ${WORK}/corpus
  RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${PROGRAM}: ${result}; the input that did it is in ${WORK}")
endif()
