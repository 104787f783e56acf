"""Files that people bring and take: CSV as spreadsheets write and read it."""
