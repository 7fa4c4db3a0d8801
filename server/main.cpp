// prytany: one program, a command for each thing an operator or a developer does.
#include "server/cli/command.h"

int main(int argc, char** argv) { return prytany::cli::run_command_line(argc, argv); }
