"""The tests of the command, the checks and the rewrites."""

import os
import sys

import lit.formats

config.name = "coral"
# lit's own shell, so that `lit --update-tests` can bless `diff` goldens.
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".test", ".cpp", ".md"]
config.excludes = ["Inputs", "Runtime", "Samples", "Unit"]
config.test_source_root = os.path.dirname(__file__)

config.environment["PATH"] = os.pathsep.join(
    [config.coral_bin, os.path.join(config.llvm_prefix, "bin"),
     os.environ["PATH"]])
# Colours, locales and people's own settings must not change what is compared.
config.environment["LC_ALL"] = "C.UTF-8"

for name, value in [
    ("%coral", os.path.join(config.coral_bin, "coral")),
    ("%coral_tidy", os.path.join(config.coral_bin, os.pardir, "lib", "CoralTidy.so")),
    ("%clangxx", config.clangxx),
    ("%gxx", "g++-12"),
    ("%runtime", os.path.join(config.source_dir, "runtime", "include")),
    ("%asio_examples", "/usr/share/doc/libasio-dev/examples"),
    ("%python", sys.executable),
    ("%source_dir", config.source_dir),
    ("%llvm_include", os.path.join(config.llvm_prefix, "include")),
    ("%exits", f"{sys.executable} {os.path.join(config.test_source_root, 'exits.py')}"),
]:
    # Whole words only: "%coral" must not eat the start of "%coral_x".
    config.substitutions.append((name + r"(?![\w-])", value))
