"""The dashboard's screens, one a file. A screen says what stands where and which keys do what; it holds no data."""
