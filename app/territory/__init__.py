"""Municipalities: the ISTAT list, searched by name and asked for by code."""
