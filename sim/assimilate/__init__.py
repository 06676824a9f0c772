"""Campaigns that followed the record: their random draws are conditioned on what was reported."""
