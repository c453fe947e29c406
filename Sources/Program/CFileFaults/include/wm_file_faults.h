// What happens when a file becomes shorter while a program has it mapped into its memory.
#pragma once

/// Ends the program with one sentence that names the file, and status 1, where the system would end it with SIGBUS.
void wm_report_file_faults(void);
