"""Holding the forms that KDB prints (帳票) against our figures: what differs, by how much, and why that may be."""
