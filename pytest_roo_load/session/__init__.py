"""What a pytest session adds: options, markers, exclusivity, the run directory, verdicts, the terminal."""
