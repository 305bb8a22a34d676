# A stand-in for the SlicerConfig.cmake of a Slicer build: enough of its macros to configure the extension without Slicer.
# They accept and refuse what Slicer 5.10's do and, instead of copying, write down what would be installed where:
#   <binary folder>/installed.txt   MODULE|SCRIPT or RESOURCE|source file|path below qt-scripted-modules
#   <binary folder>/unittests.txt   test script
#   <binary folder>/extension.txt   VARIABLE=value
# The rules come from Slicer's CMake/SlicerMacroBuildScriptedModule.cmake and CTK's ctkMacroCompilePythonScript.cmake.
set(Slicer_USE_FILE ${CMAKE_CURRENT_LIST_DIR}/UseSlicer.cmake)
set(Slicer_EXTENSION_GENERATE_CONFIG ${CMAKE_CURRENT_LIST_DIR}/SlicerExtensionGenerateConfig.cmake)
set(Slicer_EXTENSION_CPACK ${CMAKE_CURRENT_LIST_DIR}/SlicerExtensionCPack.cmake)
