"""Learners: partly labelled data -> a model."""
