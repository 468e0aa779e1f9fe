"""What runs reached, read from their journals: tables, statistics, pictures and TensorBoard."""
