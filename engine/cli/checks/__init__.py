"""What ``engine doctor`` looks at: one small file a subject, each giving `Check` values."""
