"""The process that does what no request waits for: periodic jobs, each on its own timetable."""
