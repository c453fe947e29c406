import Commands
import Foundation

exit(CommandLineProgram.run(CommandLine.arguments))
