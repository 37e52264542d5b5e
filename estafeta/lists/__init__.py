"""Lists as people send them: CSV and workbooks read into rows, and what was rejected written back."""
