import Commands
import Foundation

let status = CommandLineProgram.run(CommandLine.arguments)
// Threads of a loader or an engine may still be leaving: the engines' own clean-up at exit would crash under them.
_exit(CommandLineProgram.status(afterPrinting: status))
