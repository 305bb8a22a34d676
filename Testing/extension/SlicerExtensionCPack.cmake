if(NOT EXISTS ${CMAKE_BINARY_DIR}/extension.txt)
  message(FATAL_ERROR "Slicer_EXTENSION_CPACK is included after Slicer_EXTENSION_GENERATE_CONFIG")
endif()
